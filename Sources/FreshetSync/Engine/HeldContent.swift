import FreshetModel
import Synchronization

/// An item's bytes, given free by whoever needs them last, however many callers up the stack refer to them.
final class HeldContent: Sendable {
  private let storage: Mutex<[UInt8]>
  /// How many bytes it holds, or held.
  let count: Int

  init(_ bytes: [UInt8]) {
    storage = Mutex(bytes)
    count = bytes.count
  }

  /// The bytes; empty once they were given free.
  var bytes: [UInt8] { storage.withLock { $0 } }

  /// Gives the bytes free.
  func release() { storage.withLock { $0 = [] } }
}

/// An item as it was fetched.
struct FetchedContent: Sendable {
  var content: HeldContent
  var path: String
  var mediaType: String?
  var attributes: FetchedAttributes

  /// What a parser is given; it refers to the bytes.
  var input: ParserInput { ParserInput(bytes: content.bytes, path: path, mediaType: mediaType) }
}
