import FreshetIndex
import FreshetModel
import FreshetTestKit
import Testing

@Suite struct FAISSTests {
  @Test(arguments: IndexConformance.checks)
  func invertedListsPassTheConformanceChecks(check: IndexConformance.Check) throws {
    var parameters = Backends.parameters
    parameters.faiss.lists = 16
    parameters.faiss.probes = 16
    let taken = parameters
    var random = printedRandom()
    let conformance = IndexConformance(
      seed: random.next() % 1_000_000,
      make: { SegmentedIndex(.faiss, dimension: $0, parameters: taken) },
      open: { try SegmentedIndex.open($0, mode: .inMemory, parameters: taken) }
    )
    try check.run(on: conformance)
  }

  @Test func filtersAreFilledWhenTheProbedListsHoldTooFew() throws {
    var random = printedRandom()
    var parameters = Backends.parameters
    parameters.faiss.lists = 16
    parameters.faiss.probes = 1
    let vectors = VectorSamples.clustered(count: 1000, dimension: 16, using: &random)
    let index = SegmentedIndex(.faiss, dimension: 16, parameters: parameters)
    try index.add(VectorSamples.page(vectors, first: 0))
    let directory = try TemporaryDirectory()
    try index.write(to: directory.path + "/index", position: IndexConformance.position)
    let (opened, _) = try SegmentedIndex.open(directory.path + "/index", mode: .mapped, parameters: parameters)
    #expect(try opened.search(vectors[0], limit: 900, members: nil).count == 900)
    #expect(try opened.search(vectors[0], limit: 900, members: PassageSet(0..<500)).count == 500)
  }

  @Test func aMissingLibraryIsAnErrorThatNamesTheRemedy() throws {
    var parameters = IndexParameters()
    parameters.faiss.library = "/nonexistent/libfreshet-faiss.so"
    let index = SegmentedIndex(.faiss, dimension: 4, parameters: parameters)
    try index.add(VectorSamples.page([[1, 0, 0, 0]], first: 1))
    let directory = try TemporaryDirectory()
    let error = #expect(throws: FreshetError.self) {
      try index.write(to: directory.path + "/index", position: IndexConformance.position)
    }
    #expect(error?.code == .indexFailed)
    #expect(error?.message.contains("index.backend") == true)
  }

  @Test func exportHasTheLayoutThatFAISSReads() throws {
    var collection = SampleCollection(dimension: 2)
    collection.commit(add: [7: [1, 0], 9: [0, -1]])
    let directory = try TemporaryDirectory()
    #expect(try FAISSExport.write(collection.feed, to: directory.path + "/index.faiss") == 2)
    var expected: [UInt8] = []
    func append(_ value: some FixedWidthInteger) {
      withUnsafeBytes(of: value.littleEndian) { expected.append(contentsOf: $0) }
    }
    for name in ["IxM2", "IxFI"] {
      expected += Array(name.utf8)
      append(Int32(2))
      append(Int64(2))
      append(Int64(1 << 20))
      append(Int64(1 << 20))
      append(UInt8(1))
      append(Int32(0))
    }
    append(UInt64(4))
    for component in [Float(1), 0, 0, -1] { append(component.bitPattern) }
    append(UInt64(2))
    append(Int64(7))
    append(Int64(9))
    #expect(try Folder.contents(directory.path)["index.faiss"] == expected)
  }

  @Test func aFailedExportLeavesTheOldFile() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/index.faiss"
    try Folder.write([1, 2, 3], to: path)
    #expect(throws: FreshetError.self) {
      try FAISSExport.write(dimension: 3, to: path) { VectorPage(passages: [1], dimension: 2, halves: [0, 0]) }
    }
    #expect(try Folder.contents(directory.path) == ["index.faiss": [1, 2, 3]])
  }
}
