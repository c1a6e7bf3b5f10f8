import FreshetConfiguration

/// A suite that reads configurations from texts, as the file of a project's folder.
protocol ConfigurationSuite {}

extension ConfigurationSuite {
  func read(
    _ text: String,
    environment: [String: String] = [:],
    overrides: [ConfigurationOverride] = []
  ) throws -> Configuration {
    try ConfigurationLoader(environment: environment, currentFolder: "/project")
      .read(Array(text.utf8), file: "freshet.yaml", overrides: overrides)
  }

  func problem(
    _ text: String,
    environment: [String: String] = [:],
    overrides: [ConfigurationOverride] = []
  ) -> String {
    do {
      _ = try read(text, environment: environment, overrides: overrides)
      return "no problem"
    } catch {
      return "\(error)"
    }
  }
}
