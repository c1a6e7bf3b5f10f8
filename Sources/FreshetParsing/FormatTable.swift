import FreshetFormats

/// Which format a name or a media type stands for.
enum FormatTable {
  static let suffixes: [String: Format] = {
    var table: [String: Format] = [
      "md": .markdown, "markdown": .markdown, "mdown": .markdown, "mkd": .markdown, "mdx": .markdown, "qmd": .markdown,
      "rmd": .markdown, "html": .html, "htm": .html, "xhtml": .html, "xht": .html, "shtml": .html,
      "rst": .restructuredText, "rst.txt": .restructuredText, "rest": .restructuredText, "adoc": .asciidoc,
      "asciidoc": .asciidoc, "asc": .asciidoc, "txt": .text, "text": .text, "log": .text, "org": .text, "tex": .text,
      "textile": .text, "wiki": .text, "nfo": .text, "man": .text, "srt": .text, "vtt": .text, "po": .text,
      "diff": .code, "patch": .code, "json": .json, "jsonl": .jsonLines, "ndjson": .jsonLines, "csv": .csv, "tsv": .tsv,
    ]
    let code = """
      swift c h cc cpp cxx hh hpp hxx m mm py pyi rb rs go java kt kts scala js mjs cjs jsx ts tsx vue svelte php pl pm \
      lua r jl hs ml mli ex exs erl clj cljs lisp el scm cs fs vb dart zig nim d pas f f90 f95 asm s sh bash zsh fish \
      ps1 bat cmd sql graphql proto thrift yaml yml toml ini cfg conf properties env css scss sass less xml xsd xsl dtd \
      tf hcl nix cmake gradle make mk bazel bzl dockerfile vim awk sed tcl groovy sol v sv vhd vhdl ipynb
      """
    for suffix in code.split(separator: " ") where table[String(suffix)] == nil { table[String(suffix)] = .code }
    return table
  }()

  static let mediaTypes: [String: Format] = [
    "text/html": .html, "application/xhtml+xml": .html, "text/markdown": .markdown, "text/x-markdown": .markdown,
    "text/plain": .text, "text/x-rst": .restructuredText, "text/prs.fallenstein.rst": .restructuredText,
    "text/asciidoc": .asciidoc, "application/json": .json, "application/x-ndjson": .jsonLines,
    "application/jsonl": .jsonLines, "application/jsonlines": .jsonLines, "text/csv": .csv,
    "text/tab-separated-values": .tsv, "text/xml": .code, "application/xml": .code, "application/yaml": .code,
    "text/yaml": .code, "text/css": .code, "text/javascript": .code, "application/javascript": .code,
  ]

  /// Suffixes to look up, the longest first (`rst.txt`, `txt`), in lower case.
  static func suffixes(of path: String) -> [String] {
    let name = path.split(separator: "/").last ?? ""
    let parts = name.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count > 1, let last = parts.last, !last.isEmpty, last.utf8.count <= 16 else { return [] }
    let one = last.lowercased()
    return parts.count > 2 ? [parts[parts.count - 2].lowercased() + "." + one, one] : [one]
  }

  private static let names: [String: Format] = [
    "readme": .text, "license": .text, "copying": .text, "authors": .text, "changelog": .text, "changes": .text,
    "news": .text, "todo": .text, "install": .text, "notice": .text, "contributing": .text, "makefile": .code,
    "dockerfile": .code, "gemfile": .code, "rakefile": .code, "jenkinsfile": .code, "vagrantfile": .code,
  ]

  /// The format of a name that has no suffix.
  static func format(ofName path: String) -> Format? {
    names[(path.split(separator: "/").last ?? "").lowercased()]
  }
}
