import FreshetModel
import FreshetSystem

extension Collection {
  /// Gives up what can be made again: the index as this process saw it last, the helpers that parse, the embedder with
  /// its sessions, the pages that the store keeps; then gives free memory back to the system. Waits for a sync that is under way.
  ///
  /// What comes next makes again what it needs, which costs it up to a second with a local model.
  public func releaseMemory() async {
    guard let turn = try? await turns.take(1) else { return }
    defer { withExtendedLifetime(turn) {} }
    parts.dropWhatCanBeMadeAgain()
    await store.releaseMemory()
    try? await pool.run { Allocator.trim() }
  }
}
