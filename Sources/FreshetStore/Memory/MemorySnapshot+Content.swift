import FreshetModel
import FreshetSystem

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

extension MemorySnapshot {
  func content(_ hash: ContentHash) throws -> [UInt8]? { try state.contents[hash]?.decompressed() }

  func rendition(of content: ContentHash, parser: String) throws -> Rendition? {
    let key = MemoryState.RenditionKey(content: content, parser: parser)
    guard let stored = state.renditions[key], !stored.isWithdrawn else { return nil }
    guard let blocks = [Block](encoded: stored.map),
      let markdown = try stored.markdown?.decompressed() ?? self.content(content)
    else { throw FreshetError(.storeDamaged, "A rendition cannot be read.") }
    return Rendition(markdown: markdown, blocks: blocks, title: stored.title, metadata: stored.metadata)
  }

  func chunks(of document: DocumentID) -> [ChunkRecord] { state.documents[document]?.chunks ?? [] }

  func passages(keys: [ContentHash]) -> [ContentHash: PassageID] {
    keys.reduce(into: [:]) { found, key in found[key] = state.passageByKey[key] }
  }

  func passages(_ ids: [PassageID]) -> [PassageRecord] { ids.compactMap { state.passage($0)?.record } }

  // MARK: Vectors

  func models() -> [ModelRecord] { state.models.map(\.record) }

  func model(_ id: ModelID) throws -> MemoryState.Model {
    guard let model = state.models.first(where: { $0.record.id == id }) else {
      throw FreshetError(.notFound, "The collection has no model number \(id).")
    }
    return model
  }

  func passagesWithVector(_ passages: [PassageID], model: ModelID) throws -> Set<PassageID> {
    let vectors = try self.model(model).vectors
    return Set(passages.filter { vectors[$0] != nil })
  }

  func liveVectors(model: ModelID, after passage: PassageID, limit: Int) throws -> VectorPage {
    let model = try self.model(model)
    let passages = model.vectors.keys.filter { $0 > passage && (state.passage($0)?.uses ?? 0) > 0 }
    return page(of: passages.sorted().prefix(max(0, limit)), model)
  }

  func vectors(of passages: [PassageID], model: ModelID) throws -> VectorPage {
    page(of: Set(passages).sorted(), try self.model(model))
  }

  private func page(of passages: some Sequence<PassageID>, _ model: MemoryState.Model) -> VectorPage {
    var page = VectorPage(passages: [], dimension: model.record.description.dimension, halves: [])
    for passage in passages {
      guard let vector = model.vectors[passage] else { continue }
      page.passages.append(passage)
      page.halves.append(contentsOf: vector)
    }
    return page
  }

  func livePassagesWithoutVector(model: ModelID, after passage: PassageID, limit: Int) throws -> [PassageID] {
    let vectors = try self.model(model).vectors
    let missing = state.passages.lazy.filter { $0.uses > 0 && $0.record.id > passage && vectors[$0.record.id] == nil }
    return Array(missing.map(\.record.id).prefix(max(0, limit)))
  }

  func passagesChanged(after sequence: SequenceNumber) -> (live: [PassageID], gone: [PassageID]) {
    // Vectors that were awaited came without a chunk opening or closing.
    let embedded = state.changes.filter { $0.sequence > sequence && $0.kind == .embedded }.map(\.document)
    let awaited = Set(embedded.flatMap { state.documents[$0]?.chunks.map(\.passage) ?? [] })
    let changed = state.passages.filter { $0.changedAt > sequence || awaited.contains($0.record.id) }
    return (changed.filter { $0.uses > 0 }.map(\.record.id), changed.filter { $0.uses == 0 }.map(\.record.id))
  }

  // MARK: Search

  /// Ranks by `BM25`, with the words of every passage counted anew.
  func keywordMatches(_ query: String, limit: Int, members: PassageSet?) -> [ScoredPassage] {
    let terms = KeywordQuery(query).terms
    guard !terms.isEmpty, limit > 0 else { return [] }
    let live = state.passages.filter { $0.uses > 0 }
    var lengths: [Int] = []
    var counts: [[Int]] = []
    for passage in live {
      let heading = KeywordTokenizer.tokens(of: HeadingText.encode(passage.record.heading), for: .document)
      let body = KeywordTokenizer.tokens(of: passage.record.body, for: .document)
      lengths.append((heading.last?.position ?? -1) + (body.last?.position ?? -1) + 2)
      counts.append(terms.map { BM25.headingWeight * Self.count($0, in: heading) + Self.count($0, in: body) })
    }
    let formula = BM25(passages: live.count, tokens: lengths.reduce(0, +))
    let rarity = terms.indices.map { term in formula.rarity(holding: counts.count { $0[term] > 0 }) }
    var matches: [ScoredPassage] = []
    for (index, passage) in live.enumerated() where counts[index].contains(where: { $0 > 0 }) {
      guard members?.contains(passage.record.id) ?? true else { continue }
      let score = terms.indices.reduce(Float(0)) { score, term in
        score + formula.score(rarity: rarity[term], weight: counts[index][term], length: lengths[index])
      }
      matches.append(ScoredPassage(passage: passage.record.id, score: score))
    }
    matches.sort { $0.score == $1.score ? $0.passage < $1.passage : $0.score > $1.score }
    return Array(matches.prefix(limit))
  }

  private static func count(_ term: KeywordQuery.Term, in tokens: [KeywordTokenizer.Token]) -> Int {
    switch term {
    case .word(let word): return tokens.count { $0.text.utf8.elementsEqual(word.utf8) }
    case .prefix(let prefix): return tokens.count { $0.text.utf8.starts(with: prefix.utf8) }
    case .phrase(let words):
      let places = Set(tokens)
      let starts = tokens.filter { $0.text.utf8.elementsEqual((words.first ?? "").utf8) }
      return starts.count { start in
        words.indices.allSatisfy {
          places.contains(KeywordTokenizer.Token(text: words[$0], position: start.position + $0))
        }
      }
    }
  }

  func passages(matching filter: Filter) -> PassageSet {
    var passages = PassageSet()
    for document in state.documents.values
    where document.record.state == .live && filter.matches(Self.fields(of: document.record)) {
      for chunk in document.chunks { passages.insert(chunk.passage) }
    }
    return passages
  }

  func occurrences(of passages: [PassageID], filter: Filter?) -> [PassageID: [Occurrence]] {
    let wanted = Set(passages)
    var found: [PassageID: [Occurrence]] = [:]
    for document in liveDocuments where filter?.matches(Self.fields(of: document)) ?? true {
      let chunks = chunks(of: document.id).filter { wanted.contains($0.passage) }
      for chunk in chunks.sorted(by: { $0.start < $1.start }) {
        found[chunk.passage, default: []].append(Occurrence(document: document.id, chunk: chunk))
      }
    }
    return found
  }

  // MARK: Log and care

  func changes(after sequence: SequenceNumber, limit: Int) -> [ChangeRecord] {
    let known = max(0, sequence - head.anchor.sequence)
    return Array(state.changes.dropFirst(Int(clamping: known)).prefix(max(0, limit)))
  }

  func chain(at sequence: SequenceNumber) -> ContentHash? {
    if sequence == 0 { return .zero }
    let index = sequence - head.anchor.sequence - 1
    if index == -1 { return head.anchor.chain }
    guard index >= 0, index < SequenceNumber(state.changes.count) else { return nil }
    return state.changes[Int(index)].chain
  }

  func recentDeletions(of source: String, since: Timestamp, after run: RunID?) -> Int {
    let bound = state.changes.last { $0.run == run }?.sequence ?? 0
    let deleted = state.changes.filter {
      $0.kind == .deleted && UTF8Text($0.source) == UTF8Text(source) && $0.at >= since && $0.sequence > bound
    }
    return Set(deleted.map(\.document)).count { state.documents[$0]?.record.state == .deleted }
  }

  func failures(source: String?, itemPath: [UInt8]?) -> [FailureRecord] {
    state.failures.values
      .filter { (source.map(UTF8Text.init) ?? UTF8Text($0.source)) == UTF8Text($0.source) }
      .filter { itemPath ?? $0.itemPath == $0.itemPath }
      .sorted { left, right in
        if left.source != right.source { return left.source.precedes(right.source) }
        if left.origin != right.origin { return left.origin.precedes(right.origin) }
        return left.itemPath.lexicographicallyPrecedes(right.itemPath)
      }
  }

  func runs(limit: Int) -> [RunRecord] {
    let newestFirst = state.runs.enumerated().sorted { left, right in
      left.element.startedAt == right.element.startedAt
        ? left.offset > right.offset : left.element.startedAt > right.element.startedAt
    }
    return Array(newestFirst.map(\.element).prefix(max(0, limit)))
  }

  func setting(_ name: String) -> String? { state.settings[UTF8Text(name)] }

  func chunkCount() -> Int { state.documents.values.reduce(0) { $0 + $1.chunks.count } }

  func counts() -> CollectionCounts {
    var counts = CollectionCounts()
    for document in state.documents.values {
      if document.record.state == .live { counts.documents += 1 } else { counts.deletedDocuments += 1 }
      counts.versions += document.versions.count
      if document.record.state == .live, document.record.editionState == .awaitingVectors {
        counts.awaitingVectors += 1
      }
    }
    counts.chunks = chunkCount()
    counts.passages = state.passages.count { $0.uses > 0 }
    counts.keywordRows = counts.passages
    counts.failures = state.failures.count
    if let serving = state.models.first(where: { $0.record.state == .serving }) {
      counts.vectors = serving.vectors.keys.count { (state.passage($0)?.uses ?? 0) > 0 }
    }
    return counts
  }

  func problems(checkingContents contents: Bool) throws -> [IntegrityProblem] {
    var found = ProblemCollector()
    var chain = head.anchor.chain
    for change in state.changes {
      chain = SHA256.link(chain, change.canonicalBytes)
      if chain != change.chain { found.add("chain_broken", "Change \(change.sequence) is not what was written.") }
    }
    if chain != head.chain { found.add("head_altered", "The head's chain is not that of the log.") }
    var uses: [PassageID: Int] = [:]
    for (id, document) in state.documents {
      var chain = ContentHash.zero
      for version in document.versions {
        chain = SHA256.link(chain, version.canonicalBytes)
        if chain != version.chain {
          found.add("chain_broken", document: id, version: version.number, "The version is not what was written.")
        }
      }
      for chunk in document.chunks { uses[chunk.passage, default: 0] += 1 }
    }
    for passage in state.passages where !passage.isCollected {
      let key = SHA256.digest(
        of: PassageText.keyBytes(heading: passage.record.heading, body: passage.record.body)
      )
      if key != passage.record.key {
        found.add("passage_altered", "Passage \(passage.record.id) is not the text that its key was made of.")
      }
      if uses[passage.record.id, default: 0] != passage.uses {
        found.add("chunk_altered", "Passage \(passage.record.id) has another number of open chunks than counted.")
      }
    }
    addRetentionProblems(&found)
    if contents {
      for (hash, content) in state.contents where try SHA256.digest(of: content.decompressed()) != hash {
        found.add("content_altered", "The content \(hash) is not what was written.")
      }
    }
    return found.problems
  }
}
