import FreshetModel

/// Where a text stands in a rendition's Markdown.
public struct TextPosition: Hashable, Sendable {
  /// The first byte.
  public var start: Int
  /// The offset after the last byte.
  public var end: Int
  /// The page, slide or sheet that it starts on, from 1.
  public var page: Int?

  /// Describes a position.
  public init(start: Int, end: Int, page: Int? = nil) {
    self.start = start
    self.end = end
    self.page = page
  }
}

/// Another place where a hit's passage stands.
public struct HitPlace: Hashable, Sendable {
  /// The source's name.
  public var source: String
  /// The document's name within the source.
  public var origin: String
  /// The address that reopens the document.
  public var uri: String
  /// The document.
  public var document: DocumentID
  /// Where the passage stands in it.
  public var position: TextPosition
}

/// A passage that answers a search, with the document that it stands in.
public struct SearchHit: Hashable, Sendable {
  /// The passage.
  public var passage: PassageID
  /// The chunk that it stands in.
  public var chunk: ChunkID
  /// The source's name.
  public var source: String
  /// The document's name within the source.
  public var origin: String
  /// The address that reopens the document.
  public var uri: String
  /// The document.
  public var document: DocumentID
  /// The document's version.
  public var version: Int
  /// The document's title.
  public var title: String
  /// The headings that the passage stands under, outermost first.
  public var heading: [String]
  /// The passage's text, widened by its neighbours when they were asked for.
  public var text: String
  /// Where the text stands in the document's Markdown: of the widened text when it was widened.
  public var position: TextPosition
  /// Higher is better: cosine similarity, BM25, or the sum of reciprocal ranks, by the search's mode.
  public var score: Double
  /// The document's metadata.
  public var metadata: Metadata
  /// The other places of the same passage, by source, origin and position.
  public var alsoIn: [HitPlace]
}

/// The answer to a search: everything in it is of one sequence.
public struct SearchResponse: Hashable, Sendable {
  /// The query.
  public var query: String
  /// How passages were found: `keyword` when a hybrid search had no vector for its query.
  public var mode: SearchMode
  /// The sequence that the collection was read at.
  public var sequence: SequenceNumber
  /// The hits, best first.
  public var hits: [SearchHit]
  /// What was searched otherwise than asked for and why, a sentence each with its remedy.
  public var warnings: [String] = []

  /// The answer of `search --json`.
  public var json: JSONValue {
    [
      "query": .string(query),
      "mode": .string(mode.rawValue),
      "sequence": .integer(sequence),
      "hits": .array(hits.map(\.json)),
      "warnings": .array(warnings.map { .string($0) }),
    ]
  }
}

extension TextPosition {
  /// `{"start":0,"end":0,"page":null}`
  public var json: JSONValue {
    ["start": .integer(Int64(start)), "end": .integer(Int64(end)), "page": page.map { .integer(Int64($0)) } ?? .null]
  }
}

extension SearchHit {
  /// One element of `hits` in `search --json`.
  public var json: JSONValue {
    [
      "source": .string(source),
      "origin": .string(origin),
      "uri": .string(uri),
      "document": .string(document.description),
      "version": .integer(Int64(version)),
      "title": .string(title),
      "heading": .array(heading.map { .string($0) }),
      "text": .string(text),
      "position": position.json,
      "score": .number(score),
      "metadata": JSONValue(metadata),
      "also_in": .array(
        alsoIn.map { place in
          [
            "source": .string(place.source),
            "origin": .string(place.origin),
            "uri": .string(place.uri),
            "document": .string(place.document.description),
            "position": place.position.json,
          ]
        }
      ),
      "chunk": .string(chunk.description),
    ]
  }
}
