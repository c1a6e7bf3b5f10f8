import FreshetModel
import FreshetStore
import FreshetTestKit
import Testing

@Suite struct StoreConformanceTests {
  @Test(arguments: StoreConformance.checks)
  func sqliteStore(check: StoreConformance.Check) async throws {
    let directory = try TemporaryDirectory()
    let conformance = StoreConformance { clock in
      try SQLiteStore.open(
        at: directory.file("\(DocumentID.random()).sqlite"),
        mode: .readWrite(create: true),
        clock: clock
      )
    }
    try await check.run(conformance)
  }

  @Test(arguments: StoreConformance.checks)
  func memoryStore(check: StoreConformance.Check) async throws {
    try await check.run(StoreConformance { clock in MemoryStore(clock: clock) })
  }
}
