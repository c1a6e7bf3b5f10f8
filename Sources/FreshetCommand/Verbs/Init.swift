import Freshet
import FreshetCommandLine
import FreshetConfiguration
import FreshetModel
import FreshetSystem

extension Verb {
  /// `freshet init`.
  static let initialize = Verb(
    "init",
    overview: "Write a configuration for a folder.",
    arguments: [Argument("folder", .folder, isOptional: true, "The folder; the current one by default.")],
    options: [.flag("force", "Overwrite a configuration that is there.")],
    run: { invocation in
      let session = Session(invocation)
      let loader = try session.loader()
      let folder = loader.absolute(invocation.argument("folder") ?? ".")
      let file = folder + "/" + ConfigurationLoader.fileName
      for name in ConfigurationLoader.fileNames where !invocation.flag("force") {
        guard try !FileSystem.exists(folder + "/" + name) else {
          throw FreshetError(
            .invalidArgument,
            "is there already; --force writes \(ConfigurationLoader.fileName) all the same",
            path: folder + "/" + name
          )
        }
      }
      guard try FileSystem.isFolder(folder) else {
        throw FreshetError(.notFound, "there is no such folder; make it first", path: folder)
      }
      let text = Array(Self.template.utf8)
      // Read before it is written: a folder's name or a variable may not fit.
      let configuration = try loader.read(text, file: file)
      guard let replacement = try OutputTarget(of: file).replacement() else {
        throw FreshetError(.invalidArgument, "is no file; remove it first", path: file)
      }
      do {
        try text.withUnsafeBytes { try replacement.file.write($0, path: file) }
        try replacement.commit()
      } catch {
        replacement.discard()
        throw error
      }
      // What this program wrote itself is trusted.
      try session.trustStore().trust(configuration)
      if session.writesJSON {
        try session.output.json(["configuration": .string(file)])
      } else if !session.isQuiet {
        try session.output.line("Wrote \(file.displayable). Edit it if you like, then run `freshet sync`.")
      }
      return .success
    }
  )

  private static let template = """
    # What Freshet keeps in step here. Every key and its default: docs/configuration.md
    collection: .freshet
    sources:
      - path: .
        # include: ["**/*.md"]
        exclude: ["freshet.yaml"]
        # metadata: { team: ops }
    # embedder: { provider: onnx, model: all-minilm-l6-v2 }

    """
}
