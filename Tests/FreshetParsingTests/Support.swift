import FreshetFormats
import FreshetMarkup
import FreshetModel
import FreshetParsing
import Synchronization
import Testing

/// A small generator with a seed (SplitMix64), so that a failing run can be repeated.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) {
    state = seed
  }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = state
    value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
    return value ^ value >> 31
  }
}

/// What a page becomes, without the helper in between.
func html(_ source: String) throws -> Rendition {
  try MarkupParser().rendition(of: Array(source.utf8), format: .html)
}

func markdown(_ source: String) throws -> Rendition {
  try MarkupParser().rendition(of: Array(source.utf8), format: .markdown)
}

func plain(_ source: String, _ titles: PlainText.Titles = .unambiguous) throws -> Rendition {
  let text = try #require(try TextDecoder.decode(Array(source.utf8)))
  return try PlainText.rendition(of: text, titles: titles)
}

extension Rendition {
  var text: String { String(decoding: markdown, as: UTF8.self) }

  /// Each block as `kind: text`.
  var outline: [String] {
    blocks.map { block in
      let text = String(decoding: markdown[block.start..<block.end], as: UTF8.self)
      return block.kind == .heading ? "heading \(block.level): \(text)" : "\(block.kind): \(text)"
    }
  }
}

/// What a parser handed over, and what it threw at the end.
struct Outcome {
  var documents: [ParsedDocument] = []
  var error: FreshetError?

  /// The only document's rendition.
  var rendition: Rendition {
    get throws {
      if let error { throw error }
      let document = try #require(documents.first)
      return try document.rendition.get()
    }
  }
}

extension StandardParserRegistry {
  func outcome(of bytes: [UInt8], path: String, mediaType: String? = nil) async throws -> Outcome {
    let input = ParserInput(bytes: bytes, path: path, mediaType: mediaType)
    let chosen = self.parser(for: input)
    let parser = try #require(chosen)
    let documents = Mutex<[ParsedDocument]>([])
    var outcome = Outcome()
    do {
      try await parser.parse(input) { document in documents.withLock { $0.append(document) } }
    } catch let error as FreshetError {
      outcome.error = error
    }
    outcome.documents = documents.withLock { $0 }
    return outcome
  }

  func outcome(of source: String, path: String) async throws -> Outcome {
    try await outcome(of: Array(source.utf8), path: path)
  }
}
