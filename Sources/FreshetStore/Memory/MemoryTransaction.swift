import FreshetModel
import FreshetSystem

/// A transaction on a copy of the state; `MemoryStore` takes the copy when the body returned.
final class MemoryTransaction: MemorySnapshot, StoreTransaction {
  let now: Timestamp

  init(_ state: MemoryState, clock: Timestamp) {
    now = max(clock, state.head.at)
    super.init(state)
  }

  private func refusal(_ message: String) -> FreshetError { FreshetError(.storeFailed, message) }

  // MARK: Sources and items

  func registerSource(name: String, location: String) -> SourceRecord {
    if let index = state.sources.firstIndex(where: { UTF8Text($0.name) == UTF8Text(name) }) {
      state.sources[index].location = location
      return state.sources[index]
    }
    if let index = state.removedSources.firstIndex(where: { UTF8Text($0.name) == UTF8Text(name) }) {
      let known = state.removedSources.remove(at: index)
      state.sources.append(SourceRecord(id: known.id, name: name, location: location))
    } else {
      state.lastSource += 1
      state.sources.append(SourceRecord(id: state.lastSource, name: name, location: location))
    }
    return state.sources[state.sources.count - 1]
  }

  func update(_ source: SourceRecord) throws {
    guard
      let index = state.sources.firstIndex(where: { $0.id == source.id && UTF8Text($0.name) == UTF8Text(source.name) })
    else { throw refusal("There is no source number \(source.id) of the name '\(source.name)'.") }
    state.sources[index] = source
  }

  func removeSource(_ source: SourceID) throws {
    guard let index = state.sources.firstIndex(where: { $0.id == source }) else {
      throw refusal("There is no source number \(source).")
    }
    let live = state.live[source]?.count ?? 0
    let items = state.items[source]?.count ?? 0
    guard live == 0, items == 0 else {
      throw refusal("Source number \(source) still has \(live) live documents and \(items) items.")
    }
    let removed = state.sources.remove(at: index)
    // The history of documents refers to it, also of those that have moved to another source.
    let isKnown =
      state.changes.contains { UTF8Text($0.source) == UTF8Text(removed.name) }
      || state.vouched.values.contains { UTF8Text($0.source) == UTF8Text(removed.name) }
    if isKnown { state.removedSources.append(removed) }
  }

  func save(_ items: [ItemRecord], source: SourceID) throws {
    guard state.sources.contains(where: { $0.id == source }) else {
      throw refusal("There is no source number \(source).")
    }
    var stored = state.items[source] ?? []
    for item in items {
      let index = MemoryState.lowerBound(stored, item.path)
      if index < stored.count, stored[index].path == item.path {
        stored[index] = item
      } else {
        stored.insert(item, at: index)
      }
    }
    state.items[source] = stored
  }

  func removeItems(_ paths: [[UInt8]], source: SourceID) {
    let removed = Set(paths)
    state.items[source]?.removeAll { removed.contains($0.path) }
  }

  // MARK: Documents

  func savePassages(_ passages: [PassageDraft]) -> [PassageID] {
    passages.map { draft in
      if let known = state.passageByKey[draft.key] { return known }
      let id = PassageID(state.passages.count + 1)
      let record = PassageRecord(
        id: id,
        key: draft.key,
        heading: draft.heading,
        body: draft.body,
        tokens: draft.tokens
      )
      state.passages.append(MemoryState.Passage(record: record))
      state.passageByKey[draft.key] = id
      return id
    }
  }

  func touch(document: DocumentID, pipeline: String) throws {
    guard state.documents[document]?.record.state == .live else {
      throw refusal("There is no live document \(document).")
    }
    state.documents[document]?.record.pipeline = pipeline
  }

  func touch(document: DocumentID, fileModified: Timestamp) throws {
    guard let record = state.documents[document]?.record, record.state == .live else {
      throw refusal("There is no live document \(document).")
    }
    state.documents[document]?.record.fileModified = fileModified
    state.documents[document]?.record.metadata = TouchedFile.metadata(record.metadata, modified: fileModified)
  }

  // MARK: Vectors

  func registerModel(_ description: ModelDescription) throws -> ModelRecord {
    if let known = state.models.first(where: { $0.record.description.fingerprint == description.fingerprint }) {
      guard known.record.description.dimension == description.dimension else {
        throw FreshetError(.modelMismatch, "The model '\(description.name)' had another dimension.")
      }
      return known.record
    }
    guard (1...ModelDescription.dimensionMax).contains(description.dimension) else {
      throw FreshetError(.modelMismatch, "A model of \(description.dimension) components cannot be stored.")
    }
    state.lastModel += 1
    let record = ModelRecord(id: state.lastModel, description: description, state: .building)
    state.models.append(MemoryState.Model(record: record))
    return record
  }

  private func index(of model: ModelID) throws -> Int {
    guard let index = state.models.firstIndex(where: { $0.record.id == model }) else {
      throw FreshetError(.notFound, "The collection has no model number \(model).")
    }
    return index
  }

  func serve(model: ModelID) throws {
    let chosen = try index(of: model)
    for index in state.models.indices where state.models[index].record.state == .serving {
      state.models[index].record.state = .retired
    }
    state.models[chosen].record.state = .serving
  }

  func saveVectors(_ page: VectorPage, model: ModelID) throws {
    let index = try index(of: model)
    let dimension = state.models[index].record.description.dimension
    guard page.dimension == dimension, page.halves.count == page.count * dimension else {
      throw FreshetError(.modelMismatch, "Vectors of \(page.dimension) components do not fit model number \(model).")
    }
    for (place, passage) in page.passages.enumerated() {
      guard state.passage(passage) != nil else { throw refusal("Passage \(passage) does not exist.") }
      state.models[index].vectors[passage] = Array(page.halves[place * dimension..<(place + 1) * dimension])
    }
  }

  func removeModel(_ model: ModelID) throws {
    let index = try index(of: model)
    if state.models[index].record.state == .serving {
      state.models[index].vectors = [:]
    } else {
      state.models.remove(at: index)
    }
  }

  // MARK: Keyword index

  /// Nothing is kept beside the passages that could differ from them.
  func mendKeywordIndex() throws -> [IntegrityProblem] { [] }

  // MARK: Log and care

  func save(_ failure: FailureRecord) {
    let key = MemoryState.FailureKey(source: failure.source, itemPath: failure.itemPath, origin: failure.origin)
    state.failures[key] = failure
  }

  func removeFailures(source: String, itemPath: [UInt8], origin: String?) {
    state.failures = state.failures.filter { key, _ in
      key.source != source || key.itemPath != itemPath || origin.map { $0 != key.origin } ?? false
    }
  }

  func save(_ run: RunRecord) {
    if let index = state.runs.firstIndex(where: { $0.id == run.id }) {
      state.runs[index] = run
    } else {
      state.runs.append(run)
    }
  }

  func set(_ name: String, to value: String?) { state.settings[UTF8Text(name)] = value }
}
