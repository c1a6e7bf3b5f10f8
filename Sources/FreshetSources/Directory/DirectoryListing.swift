import FreshetModel
import FreshetSystem
import Synchronization

/// A pass over a directory.
final class DirectoryListing: Listing {
  let rootIdentity: String
  private let walker: Mutex<DirectoryWalker>

  init(_ walker: consuming sending DirectoryWalker, rootIdentity: String) {
    self.rootIdentity = rootIdentity
    self.walker = Mutex(walker)
  }

  func next() async throws -> ListingBatch? {
    try walker.withLock { try $0.next() }
  }
}
