/// The reference page of the configuration, made from the table of keys.
public enum ConfigurationReference {
  /// The whole page in Markdown: what `docs/configuration.md` holds.
  public static func markdown() -> String {
    var page = introduction
    page += "\n## At the top\n\n" + table(ConfigurationKeys.top, name: \.name)
    page += "\n## `sources`\n\n" + sources + "\n" + table(ConfigurationKeys.source, name: \.name)
    page += "\n## `webhooks`\n\n" + webhooks + "\n" + table(ConfigurationKeys.webhook, name: \.name)
    for section in ConfigurationKeys.sections {
      page += "\n## `\(section.name)`\n\n\(section.summary)\n\n"
      page += table(ConfigurationKeys.all.filter { $0.section == section.name }, name: \.leaf)
    }
    page += "\n" + ending
    return page
  }

  private static func table<Root>(
    _ keys: [ConfigurationKey<Root>],
    name: (ConfigurationKey<Root>) -> String
  ) -> String {
    var text = "| Key | Value | Default | |\n|---|---|---|---|\n"
    for key in keys {
      text += "| `\(name(key))` | \(cell(key.typeTitle)) | \(cell(key.defaultText)) | \(cell(key.summary)) |\n"
    }
    return text
  }

  private static func cell(_ text: String) -> String {
    text.map { $0 == "|" ? "\\|" : String($0) }.joined()
  }

  private static let introduction = """
    # Configuration

    A collection is configured by one `freshet.yaml` (or `freshet.yml`). Commands use the file that `--config` names, else
    that of `FRESHET_CONFIG`, else the nearest one from the current folder upwards. `freshet sync DIR` needs none: its one
    source is `DIR`, and its collection is `DIR/.freshet`. A collection that was made with a file is not synced without one.

    ```yaml
    collection: .freshet
    sources:
      - name: docs
        path: docs
        include: ["**/*.md"]
        exclude: ["drafts/**"]
        metadata: { team: ops }
    embedder: { provider: onnx, model: all-minilm-l6-v2 }
    ```

    - Every key has a default; a key without a value keeps it. A key that does not exist is an error, which names the
      line and the nearest key.
    - A relative path starts at the file's folder; `~/` is the home folder.
    - Sizes are written `100 MB` (10⁶ bytes) or `64 KiB` (2¹⁰), durations `500ms`, `30s`, `5m`, `1h30m`.
    - Every key outside `sources` and `webhooks` that holds a single value or a list can be overridden by an environment variable:
      `FRESHET_` and the key in capitals with `_` for the dot, as in `FRESHET_EMBEDDER_PROVIDER=hash`. Commas separate the
      elements of a list. A command's option is stronger than the variable, and the variable stronger than the file.
      A variable that begins like those of a section (`FRESHET_HISTORY_…`) and names no key of it is an error; any other one
      that starts with `FRESHET_`, that nothing reads and that looks like one of them is warned of.
    - The file is plain YAML in UTF-8: no anchors, aliases, tags or second documents, no key twice, at most 1 MiB.

    """

  private static let sources = """
    A list of folders. Their names are unique in the collection. When one source's folder lies within another's, the inner
    source alone lists what is in it; two sources with the same folder are an error. The collection's own folder is never
    listed.

    """

  private static let webhooks = """
    A list of receivers that get the collection's events by HTTP: see [events](events.md). Each has a `name`, and either a
    `url` or a `url_env`.

    """

  private static let ending = """
    ## What needs `freshet trust`

    A configuration may come with a project that somebody else wrote. What reaches beyond the file's own folder is
    therefore used only after `freshet trust`, which shows it and remembers it for you (in
    `${XDG_CONFIG_HOME:-~/.config}/freshet/trust`, outside of the project). It is asked again when one of these values
    changes, or leads elsewhere because a link was moved:

    - `embedder.url` and `embedder.api_key_env`, with the embedder `http`;
    - `embedder.model` when it is a folder;
    - of each webhook `url`, `url_env`, `secret_env` and `private`;
    - `mail.server`, `mail.to`, `mail.user_env`, `mail.password_env`, `mail.ca_file` and `mail.private`;
    - `collection`, `log.file`, `metrics.file` and a source's `path`, when they lead outside the file's folder (links are followed to
      see), and a `collection` in PostgreSQL.

    `freshet init` trusts what it writes; `--trust` trusts for one call; values from the environment and the command line
    are yours and need no trust.

    """
}
