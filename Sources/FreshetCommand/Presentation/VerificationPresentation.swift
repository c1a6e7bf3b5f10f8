import FreshetModel
import FreshetSync

extension IntegrityProblem {
  /// A problem in JSON.
  var json: JSONValue {
    [
      "code": .string(code), "document": document.map { .string($0.description) } ?? .null,
      "version": version.map { .integer(Int64($0)) } ?? .null, "sequence": sequence.map { .integer($0) } ?? .null,
      "message": .string(message),
    ]
  }
}

extension VerificationReport {
  /// The line of `verify --json`.
  var json: JSONValue {
    [
      "ok": .boolean(isOK), "documents": .integer(Int64(documents)), "chunks": .integer(Int64(chunks)),
      "passages": .integer(Int64(passages)), "vectors": .integer(Int64(vectors)),
      "awaiting_vectors": .integer(Int64(awaitingVectors)),
      "compared_vectors": .integer(Int64(comparedVectors)), "head": head.map(\.json) ?? .null,
      "leads_through_head": leadsThroughRecordedHead.map { .boolean($0) } ?? .null,
      "first": first.map(\.json) ?? .null, "problems": .array(problems.map(\.json)),
    ]
  }

  /// The lines for people: each problem, then the earliest, then the counts.
  func lines(recorded: RecordedHead?) -> [String] {
    var lines = problems.map { "\($0.code): \($0.message)" }
    let compared = comparedVectors > 0 ? "; \(comparedVectors) vectors made again and compared" : ""
    let counts =
      "\(documents) documents, \(chunks) chunks, \(passages) passages, \(vectors) vectors"
      + (awaitingVectors > 0 ? "; \(Quantity.text(awaitingVectors, of: "document")) without vectors yet" : "")
      + compared
    if let first, problems.count > 1, first.sequence != nil { lines.append("First: \(first.message)") }
    if isOK {
      lines.append("Verified: \(counts).")
    } else {
      lines.append("Not as it should be: \(Quantity.text(problems.count, of: "problem")) in \(counts).")
    }
    if let recorded, leadsThroughRecordedHead == true {
      lines.append("The history leads through the recorded head, change \(recorded.head.sequence).")
    }
    return lines
  }
}

extension RecordedHead {
  /// The head in JSON.
  var json: JSONValue {
    [
      "collection": collection.map { .string($0.description) } ?? .null,
      "epoch": epoch.map { .string($0.description) } ?? .null, "sequence": .integer(head.sequence),
      "chain": .string(head.chain.description),
      "at": head.sequence > 0 ? at.map { .string($0.description) } ?? .null : .null,
    ]
  }
}

extension DocumentVerification {
  /// The line of `verify DOCUMENT --json`.
  var json: JSONValue {
    [
      "type": "document", "ok": .boolean(isOK), "source": .string(source), "origin": .string(origin),
      "document": .string(id.description), "versions": .integer(Int64(versions)),
      "contents": .integer(Int64(contents)),
      "version": problems.first?.version.map { .integer(Int64($0)) } ?? .null,
      "reason": problems.first.map { .string($0.message) } ?? .null, "problems": .array(problems.map(\.json)),
    ]
  }

  /// The lines for people.
  var lines: [String] {
    let name = "\(source):\(origin)"
    guard let first = problems.first else {
      let kept =
        contents == versions ? "" : ", of \(contents) of which the content is kept"
      return ["\(name): verified, \(Quantity.text(versions, of: "version"))\(kept)."]
    }
    let place = first.version.map { " at version \($0)" } ?? ""
    return ["\(name): failed\(place): \(first.message)"]
      + problems.dropFirst().map { "  \($0.code): \($0.message)" }
  }
}
