/// What a listing tells of an item without reading it: equal fingerprints mean equal content.
///
/// A directory fills it from `stat`; other sources from what they have (a page's validators).
public struct ItemFingerprint: Hashable, Sendable {
  /// The file system that the file is on, by a number that outlasts its mounting.
  public var device: UInt64
  /// The file's number on its device.
  public var inode: UInt64
  /// Bytes.
  public var size: Int64
  /// Last change of the content, nanoseconds since the epoch.
  public var modified: Int64
  /// Last change of content or attributes, nanoseconds since the epoch.
  public var changed: Int64

  /// Takes the five parts.
  public init(device: UInt64, inode: UInt64, size: Int64, modified: Int64, changed: Int64) {
    self.device = device
    self.inode = inode
    self.size = size
    self.modified = modified
    self.changed = changed
  }

  /// That of no file of a file system: an item that has it is read again when it is listed, and missed when it is not.
  public static func unseen(device: UInt64) -> ItemFingerprint {
    ItemFingerprint(device: device, inode: 0, size: -1, modified: 0, changed: 0)
  }
}

/// One file or page that a listing found.
public struct ListedItem: Sendable {
  /// The path relative to the source's root, `/` between names, bytes as the file system has them.
  public var path: [UInt8]
  /// What the listing saw of it.
  public var fingerprint: ItemFingerprint
  /// Whether it changed so shortly before it was seen that a later change could leave the fingerprint as it is.
  public var isRacy: Bool

  /// Describes a listed item.
  public init(path: [UInt8], fingerprint: ItemFingerprint, isRacy: Bool) {
    self.path = path
    self.fingerprint = fingerprint
    self.isRacy = isRacy
  }
}

/// A part of a source that the listing could not see; nothing under it counts as absent.
public struct ListingProblem: Sendable {
  /// The folder or file, relative to the root; empty for the root itself.
  public var path: [UInt8]
  /// Why it could not be seen.
  public var error: FreshetError

  /// Describes a problem.
  public init(path: [UInt8], error: FreshetError) {
    self.path = path
    self.error = error
  }
}

/// An item that a rule leaves out: reported, and no failure.
public struct SkippedItem: Sendable {
  /// The item, relative to the root.
  public var path: [UInt8]
  /// The rule, as an error code and a sentence.
  public var reason: FreshetError

  /// Describes a skipped item.
  public init(path: [UInt8], reason: FreshetError) {
    self.path = path
    self.reason = reason
  }
}

/// Some items of a listing, in the order of their paths' bytes, after all items of the batch before.
public struct ListingBatch: Sendable {
  /// The items found.
  public var items: [ListedItem]
  /// What could not be seen.
  public var problems: [ListingProblem]
  /// What a rule left out.
  public var skipped: [SkippedItem]

  /// Makes a batch.
  public init(items: [ListedItem] = [], problems: [ListingProblem] = [], skipped: [SkippedItem] = []) {
    self.items = items
    self.problems = problems
    self.skipped = skipped
  }
}

/// One pass over a source. It is finished once `next` has returned `nil`; only then may absence be judged.
public protocol Listing: AnyObject, Sendable {
  /// What tells the root from another one mounted at its place (for a directory: device and inode), once it was opened.
  var rootIdentity: String { get }

  /// The next items in the order of their paths' bytes, or `nil` at the end.
  ///
  /// May block: call it on a blocking executor.
  /// - Throws: `FreshetError` with `source_unavailable` when the root itself cannot be listed; `CancellationError`.
  func next() async throws -> ListingBatch?
}

/// An item's content, read whole.
public struct FetchedItem: Sendable {
  /// The bytes.
  public var bytes: [UInt8]
  /// The fingerprint that held before and after the bytes were read.
  public var fingerprint: ItemFingerprint
  /// Whether a later change could leave the fingerprint as it is.
  public var isRacy: Bool
  /// When the content was last changed, as the source says.
  public var modified: Timestamp
  /// Who owns the file, when the source knows.
  public var owner: String?
  /// The media type that the source declares, when it does.
  public var mediaType: String?

  /// Describes a read item.
  public init(
    bytes: [UInt8],
    fingerprint: ItemFingerprint,
    isRacy: Bool,
    modified: Timestamp,
    owner: String? = nil,
    mediaType: String? = nil
  ) {
    self.bytes = bytes
    self.fingerprint = fingerprint
    self.isRacy = isRacy
    self.modified = modified
    self.owner = owner
    self.mediaType = mediaType
  }
}

/// Why an item that was known is not in a finished listing.
public enum Absence: Sendable {
  /// It is not there any more.
  case vanished
  /// It is there, but the source's patterns or rules no longer include it; the sentence says which.
  case outOfScope(String)
  /// It failed, and its file was moved to the source's folder for such: what it held stays as it is.
  case setAside
  /// It may be there: its folder, mount or server cannot be seen. Nothing is deleted.
  case unknown(FreshetError)
}

/// Where documents come from: a directory, a website, a feed.
public protocol Source: Sendable {
  /// The unique name in the collection.
  var name: String { get }
  /// Where it is: an absolute path or an address.
  var location: String { get }
  /// Metadata that every document of the source gets.
  var metadata: Metadata { get }
  /// Changes when the rules do by which the source chooses items (patterns, size limit).
  var configurationFingerprint: String { get }

  /// Starts a pass over the source.
  ///
  /// - Parameter paths: files or folders relative to the root to list; empty means everything. Absence is judged only
  ///   below these.
  func listing(of paths: [[UInt8]]) async throws -> any Listing

  /// Reads an item whole, again as long as its fingerprint moves meanwhile.
  ///
  /// May block: call it on a blocking executor.
  /// - Throws: `FreshetError` with `unreadable`, `changed_while_read`, `file_too_large`, or `not_found` when it vanished.
  func fetch(_ item: ListedItem) async throws -> FetchedItem

  /// Judges an item that the store knows and a finished listing did not have.
  func absence(of path: [UInt8], fingerprint: ItemFingerprint) async -> Absence

  /// The origin that names the item's document: UTF-8, injective (other bytes percent-encoded), and without `!/`, which
  /// stands between an item and a document in it.
  func origin(of path: [UInt8]) -> String

  /// The address that reopens a document: `file:///…`, `https://…`.
  func uri(of origin: String) -> String
}
