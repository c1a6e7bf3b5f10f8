/// The text of a systemd unit (systemd.service(5)) that runs a service of this user.
public enum ServiceUnit {
  /// A unit for a configuration.
  ///
  /// - Parameters:
  ///   - executable: the absolute path of `freshet`.
  ///   - configuration: the absolute path of its file.
  public static func text(executable: String, configuration: String) -> String {
    """
    [Unit]
    Description=Freshet for \(escaped(configuration))
    After=network.target

    [Service]
    Type=notify
    ExecStart=\(quoted(executable)) watch --quiet --config \(quoted(configuration))
    ExecReload=/bin/kill -HUP $MAINPID
    WatchdogSec=120
    Restart=on-failure
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
