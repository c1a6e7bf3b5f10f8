import FreshetModel

/// The text of a systemd unit (systemd.service(5)) that runs a service of this user.
public enum ServiceUnit {
  /// A unit for a configuration.
  ///
  /// - Parameters:
  ///   - executable: the absolute path of `freshet`.
  ///   - configuration: the absolute path of its file.
  /// - Throws: `FreshetError` with `invalid_configuration` for a path that a unit cannot name: one with control characters,
  ///   of which a line's end would begin another setting.
  public static func text(executable: String, configuration: String) throws -> String {
    for path in [executable, configuration] {
      guard let scalar = path.unicodeScalars.first(where: { $0.properties.generalCategory == .control }) else {
        continue
      }
      let number = String(scalar.value, radix: 16, uppercase: true)
      throw FreshetError(
        .invalidConfiguration,
        "this path has a control character (U+\(String(repeating: "0", count: 4 - number.count))\(number)), which a systemd "
          + "unit cannot name; rename the folder or file",
        path: path
      )
    }
    return """
      [Unit]
      Description=Freshet for \(escaped(configuration))
      After=network.target

      [Service]
      Type=notify
      ExecStart=\(quoted(executable)) watch --quiet --config \(quoted(configuration))
      ExecReload=/bin/kill -HUP $MAINPID
      WatchdogSec=120
      Restart=on-failure
      RestartPreventExitStatus=10
      RestartSec=5
      TimeoutStopSec=60
      NoNewPrivileges=yes
      PrivateTmp=yes

      [Install]
      WantedBy=default.target

      """
  }

  /// A word of `ExecStart`: quoted, with its specifiers and variables as they are.
  private static func quoted(_ word: String) -> String {
    var text = "\""
    for character in escaped(word) {
      switch character {
      case "\"", "\\": text += "\\\(character)"
      case "$": text += "$$"
      default: text.append(character)
      }
    }
    return text + "\""
  }

  private static func escaped(_ text: String) -> String {
    text.split(separator: "%", omittingEmptySubsequences: false).joined(separator: "%%")
  }
}
