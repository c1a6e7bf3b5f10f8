import FreshetModel
import FreshetStore
import FreshetSystem

/// The collection's store for those who follow it: reads as the collection does, and writes positions of consumers also
/// when the collection was opened for reading, beside whoever syncs it.
///
/// A sync holds the collection's lock for its whole length, which must not keep a position from moving. So a write is a
/// transaction of its own on a connection of its own, which SQLite keeps apart from the other writer's; the lock is taken
/// for its length when nobody has it, so that readers without shared memory see no half-written log.
struct PositionStore: Store {
  let base: any Store
  let folder: CollectionFolder
  /// Whether `base` writes itself.
  let isWriter: Bool

  /// How often the lock is tried when its owner ends at that moment.
  private static let attemptsMax = 3

  func read<Result: Sendable>(
    _ scope: Scope,
    _ body: @Sendable (any StoreSnapshot) throws -> Result
  ) async throws -> Result {
    try await base.read(scope, body)
  }

  func write<Result: Sendable>(_ body: @Sendable (any StoreTransaction) throws -> Result) async throws -> Result {
    if isWriter { return try await base.write(body) }
    let lock = try await lockUnlessOwned()
    let store = try SQLiteStore.open(at: folder.database, mode: .readWrite(create: false), readers: 1)
    do {
      let result = try await store.write(body)
      await store.close()
      withExtendedLifetime(lock) {}
      return result
    } catch {
      await store.close()
      throw error
    }
  }

  func close() async {}

  /// The lock; `nil` while somebody writes, who keeps readers without shared memory out as well.
  private func lockUnlessOwned() async throws -> FileLock? {
    var attempt = 1
    while true {
      do {
        return try await FileLock.acquire(folder.lock, timeout: .zero, isBrief: true)
      } catch let error as FreshetError where error.code == .locked {
        if try FileLock.owner(folder.lock) != nil { return nil }
        guard attempt < Self.attemptsMax else { throw error }
        attempt += 1
      }
    }
  }
}

extension Collection {
  /// The store for positions of consumers.
  var positions: PositionStore { PositionStore(base: store, folder: folder, isWriter: holdsLock) }
}
