import FreshetModel
import FreshetSync

extension Collection {
  /// Brings exactly these files into the version history, and calls no embedder.
  ///
  /// What is new is found by keywords at once. Where the collection has an embedder, the editions wait for their vectors,
  /// and the next sync makes them; without one they are complete.
  ///
  /// - Parameters:
  ///   - paths: files and folders in the sources, absolute or relative to the current folder.
  ///   - metadata: said of each document in them and kept with it, also when it is renamed: it wins over what the document
  ///     and its source say, at every later sync too. What the file itself is (`AnnotationChange.facts`) cannot be said.
  ///   - removing: fields that are no longer said.
  ///   - stop: ends it early; what is done is committed.
  ///   - handler: is told what happens.
  /// - Returns: the report of the run; a change of the metadata alone counts as refreshed.
  /// - Throws: as `sync(_:stop:handler:)`; `FreshetError` with `invalid_argument` without paths, and for a fact.
  @discardableResult
  public func track(
    _ paths: [String],
    metadata: Metadata = [:],
    removing: Set<String> = [],
    actor: String? = nil,
    stop: StopSignal = StopSignal(),
    handler: @escaping @Sendable (SyncEvent) -> Void = { _ in }
  ) async throws -> SyncReport {
    var request = SyncRequest()
    request.paths = paths
    request.actor = actor
    request.leavesVectors = true
    let annotation = AnnotationChange(set: metadata, removed: removing)
    if !annotation.isEmpty { request.annotation = annotation }
    guard !paths.isEmpty else {
      throw FreshetError(.invalidArgument, "name the files to track; `sync` takes up everything")
    }
    return try await sync(request, stop: stop, handler: handler)
  }
}

extension AnnotationChange {
  /// Reads `key=value` words.
  ///
  /// `true`, `false` and numbers are what they look like, anything else and anything in double quotes is text; a key that
  /// stands more than once is a list; `key=` alone removes what was said.
  /// - Throws: `FreshetError` with `invalid_argument` for a word without a key.
  public init(assignments: [String]) throws {
    self.init()
    for word in assignments {
      guard let sign = word.firstIndex(of: "="), sign != word.startIndex else {
        throw FreshetError(
          .invalidArgument,
          "metadata is given as key=value, and removed by key=; this has no key: \(word)"
        )
      }
      let key = String(word[..<sign])
      let text = word[word.index(after: sign)...]
      guard !text.isEmpty else {
        removed.insert(key)
        continue
      }
      let value = Self.value(text)
      switch set[key] {
      case nil: set[key] = value
      case .array(let values)?: set[key] = .array(values + [value])
      case let other?: set[key] = .array([other, value])
      }
    }
    // Said anew and removed in one call: it is said.
    removed.subtract(set.keys)
  }

  private static func value(_ text: Substring) -> JSONValue {
    if text == "true" { return true }
    if text == "false" { return false }
    if text.count >= 2, text.first == "\"", text.last == "\"" { return .string(String(text.dropFirst().dropLast())) }
    let looksLikeNumber = text.utf8.allSatisfy { byte in
      byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") || "+-.eE".utf8.contains(byte)
    }
    guard looksLikeNumber else { return .string(String(text)) }
    if let number = Int64(text) { return .integer(number) }
    if let number = Double(text), number.isFinite { return .number(number) }
    return .string(String(text))
  }
}
