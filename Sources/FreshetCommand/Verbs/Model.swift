import Freshet
import FreshetCommandLine
import FreshetModel
import FreshetSync

extension Verb {
  /// `freshet model`.
  static let model = Verb(
    "model",
    overview: "Show the embedding models of the collection, or fetch one.",
    verbs: [modelPull],
    run: { invocation in
      let session = Session(invocation)
      return try await session.reading { collection in
        let models = try await collection.models()
        if session.writesJSON {
          for model in models {
            try session.output.json([
              "model": .string(model.description.name), "fingerprint": .string(model.description.fingerprint),
              "dimension": .integer(Int64(model.description.dimension)), "state": .string(model.state.rawValue),
            ])
          }
          return .success
        }
        var table = TextTable([.left("MODEL"), .right("DIMENSION"), .left("STATE"), .flexible("FINGERPRINT")])
        for model in models {
          table.add([
            model.description.name, "\(model.description.dimension)", model.state.rawValue,
            model.description.fingerprint,
          ])
        }
        try session.output.write(table.text(session))
        return .success
      }
    }
  )
}
