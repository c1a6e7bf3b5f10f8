import FreshetCommandLine
import FreshetEmbedding
import FreshetModel

extension Verb {
  /// `freshet model pull`.
  static let modelPull = Verb(
    "pull",
    overview: "Fetch an embedding model from the Hugging Face hub.",
    discussion: """
      Takes any sentence-transformers model with an ONNX file, a WordPiece tokenizer (uncased BERT's), and mean or cls \
      pooling. The commit and the files' hashes are written into the model's folder; a call that was interrupted is \
      continued by the next. HF_ENDPOINT names another hub, HF_TOKEN is sent to it; the folder is that of \
      FRESHET_MODELS, else the user's cache.
      """,
    arguments: [
      Argument("model", .text, "NAME, OWNER/NAME, either with @REVISION, or the address of the model's page.")
    ],
    options: [
      .value("revision", "revision", .text, "A branch, a tag or a commit (default: main)."),
      .value("file", "path", .text, "The ONNX file in the repository (default: onnx/model.onnx, else model.onnx)."),
      .value("as", "name", .text, "The name here (default: the repository's own, in lower case)."),
      .flag("replace", "Replace another model of that name."),
    ],
    run: { invocation in
      let session = Session(invocation)
      let environment = try session.environment()
      let address = try HubAddress(
        invocation.argument("model") ?? "",
        revision: invocation.value("revision"),
        environment: environment
      )
      var options = ModelPullOptions()
      options.name = invocation.value("as")
      options.file = invocation.value("file")
      options.replaces = invocation.flag("replace")
      let progress = ProgressReporter(session.diagnostics, style: session.isQuiet ? .silent : nil)
      let model = try await ModelPull(address, options: options, environment: environment).run { state in
        progress.update(
          ProgressState(
            activity: "Fetching",
            completed: state.bytesDone / 1_000_000,
            total: state.bytesTotal / 1_000_000,
            unit: "MB",
            note: state.file
          )
        )
      }
      progress.finish()
      if session.writesJSON {
        try session.output.json([
          "model": .string(model.name), "precision": .string(model.precision.rawValue),
          "source": .string(model.source), "revision": .string(model.revision), "folder": .string(model.directory),
          "fingerprint": .string(model.description.fingerprint),
          "dimension": .integer(Int64(model.description.dimension)), "present": .boolean(model.wasPresent),
        ])
        return .success
      }
      if session.isQuiet { return .success }
      let verb = model.wasPresent ? "is here already" : "is here"
      try session.output.line("\(model.source) at \(model.revision.prefix(12)) \(verb): \(model.directory)")
      try session.output.line(
        "Use it with `embedder: { model: \(model.name), precision: \(model.precision.rawValue) }`."
      )
      return .success
    }
  )
}
