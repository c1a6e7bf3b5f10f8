import FreshetModel
import FreshetSources

/// A listing in one batch.
func list(_ source: any Source, _ paths: [[UInt8]] = []) async throws -> ListingBatch {
  let listing = try await source.listing(of: paths)
  var whole = ListingBatch()
  while let batch = try await listing.next() {
    whole.items += batch.items
    whole.problems += batch.problems
    whole.skipped += batch.skipped
  }
  return whole
}

func list(_ configuration: DirectoryConfiguration, _ paths: [String] = []) async throws -> ListingBatch {
  try await list(DirectorySource(configuration), paths.map { Array($0.utf8) })
}

func names(_ batch: ListingBatch) -> [String] {
  batch.items.map { String(decoding: $0.path, as: UTF8.self) }
}
