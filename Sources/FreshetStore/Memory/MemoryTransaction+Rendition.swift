import FreshetModel

extension MemorySnapshot {
  func hasSupersededTexts() -> Bool { state.renditions.keys.contains { state.isSupersededText($0) } }
}

extension MemoryTransaction {
  /// Withdraws the text of a rendition that is superseded and whose content is not kept; answers its bytes, `nil` when
  /// it stays.
  func withdrawText(of key: MemoryState.RenditionKey) -> Int64? {
    guard state.isSupersededText(key), let rendition = state.renditions[key] else { return nil }
    state.renditions[key] = MemoryState.StoredRendition(
      title: nil,
      metadata: [:],
      map: [],
      markdown: nil,
      checksum: rendition.checksum,
      isWithdrawn: true
    )
    return Int64(rendition.map.count + (rendition.markdown?.data.count ?? 0))
  }

  func sweepSupersededTexts(limit: Int) -> SweptGarbage {
    var amounts = ReclaimedAmounts()
    for key in Array(state.renditions.keys) {
      guard amounts.rows < limit else { return SweptGarbage(amounts: amounts, isDone: false) }
      guard let bytes = withdrawText(of: key) else { continue }
      amounts.texts += 1
      amounts.bytes += bytes
    }
    return SweptGarbage(amounts: amounts, isDone: true)
  }
}

extension MemoryState {
  /// Whether a rendition has a text of its own that no live document is indexed by, and whose content is not kept.
  func isSupersededText(_ key: RenditionKey) -> Bool {
    guard renditions[key]?.markdown != nil, contents[key.content] == nil else { return false }
    return !documents.values.contains { $0.stored.editions.contains { $0.to == nil && $0.rendition == key } }
  }
}
