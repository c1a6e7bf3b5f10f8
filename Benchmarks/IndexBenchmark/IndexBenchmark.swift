// Speed and recall of the vector indexes:
//   index-benchmark COUNT [--samples hierarchical,isotropic] [--cluster ROWS] | - VECTORS.f32
//     [--backends exact,hnsw] [--threads N] [--breadth 256,512] [--folder KEPT]
// What is kept in a folder (of each kind of samples its own) is not built again, so that searches can be measured alone.
import FreshetIndex
import FreshetModel
import FreshetTestKit
import Glibc

@main struct IndexBenchmark {
  private static let queryCount = 300
  private static let dimension = 384

  private let backends: [IndexBackend]
  private let breadths: [Int]
  private let parameters: IndexParameters

  static func main() throws {
    var arguments = Array(CommandLine.arguments.dropFirst())
    func option(_ name: String) -> String? {
      guard let index = arguments.firstIndex(of: name), index + 1 < arguments.count else { return nil }
      defer { arguments.removeSubrange(index...index + 1) }
      return arguments[index + 1]
    }
    var parameters = IndexParameters()
    if let threads = option("--threads").flatMap({ Int($0) }) { parameters.graph.threads = threads }
    if let connections = option("--connections").flatMap({ Int($0) }) { parameters.graph.connections = connections }
    if let breadth = option("--build-breadth").flatMap({ Int($0) }) { parameters.graph.buildBreadth = breadth }
    if let lists = option("--lists").flatMap({ Int($0) }) { parameters.faiss.lists = lists }
    let benchmark = IndexBenchmark(
      backends: (option("--backends") ?? "exact,hnsw").split(separator: ",").compactMap {
        IndexBackend(rawValue: String($0))
      },
      breadths: (option("--breadth") ?? "").split(separator: ",").compactMap { Int($0) },
      parameters: parameters
    )
    let folder = option("--folder")
    let shapes = (option("--samples") ?? Samples.Shape.hierarchical.rawValue).split(separator: ",").compactMap {
      Samples.Shape(rawValue: String($0))
    }
    let rowsPerCluster = option("--cluster").flatMap { Int($0) } ?? 200
    if arguments.count > 1 {
      guard let samples = Samples(file: arguments[1], queries: queryCount, dimension: dimension) else {
        print("the vectors cannot be read")
        exit(1)
      }
      return try benchmark.run(samples, "vectors", folder: folder)
    }
    for shape in shapes {
      let samples = Samples(
        synthetic: Int(arguments.first ?? "") ?? 100_000,
        shape,
        rowsPerCluster: rowsPerCluster,
        queries: queryCount,
        dimension: dimension,
        seed: 7
      )
      try benchmark.run(
        samples,
        "\(shape) vectors in clusters of \(rowsPerCluster)",
        folder: folder.map { "\($0)/\(shape)-\(samples.count)-\(rowsPerCluster)" }
      )
    }
  }

  private func run(_ samples: Samples, _ kind: String, folder: String?) throws {
    print(
      "\(samples.count) \(kind) × \(samples.dimension), \(samples.queries.count) queries, "
        + "recall@\(Samples.neighbours) after scoring 40 again; times of searches are of the processor"
    )
    let truth = samples.nearest(Samples.neighbours)
    let temporary = try TemporaryDirectory()
    if let folder { mkdir(folder, 0o777) }
    for backend in backends { try measure(backend, samples, truth, in: folder ?? temporary.path) }
    if let folder, access(folder + "/export.faiss", F_OK) != 0 { try export(samples, truth, to: folder) }
  }

  private func measure(_ backend: IndexBackend, _ samples: Samples, _ truth: [Set<Int>], in folder: String) throws {
    let path = folder + "/\(backend.rawValue)"
    if access(path, F_OK) != 0 { try build(backend, samples, at: path) }
    var status = stat()
    stat(path, &status)
    print("\(backend): file \(rounded(Double(status.st_size) / 1e6, 1)) MB")
    for mode in [IndexOpenMode.mapped, .inMemory] {
      let before = residentMegabytes()
      let start = seconds()
      let (index, _) = try SegmentedIndex.open(path, mode: mode, parameters: parameters)
      let opened = (seconds() - start) * 1000
      let resident = residentMegabytes() - before
      for breadth in breadths where backend == .hnsw && mode == .inMemory {
        var parameters = parameters
        parameters.graph.searchBreadth = breadth
        let narrowed = try SegmentedIndex.open(path, mode: mode, parameters: parameters).index
        print("\(backend), a beam of \(breadth): \(try samples.measure(narrowed, truth))")
      }
      let measured = try samples.measure(index, truth)
      print("\(backend), \(mode): open \(rounded(opened)) ms, \(resident) MB resident; \(measured)")
      guard mode == .inMemory else { continue }
      let filters = try samples.measureFilters(index, rounds: 1000)
      print("\(backend): 1000 random filters: \(filters.violations) violations; \(filters.measured.latency)")
    }
  }

  private func build(_ backend: IndexBackend, _ samples: Samples, at path: String) throws {
    var start = seconds()
    let index = SegmentedIndex(backend, dimension: samples.dimension, parameters: parameters)
    for first in stride(from: 0, to: samples.count, by: 4096) {
      try index.add(samples.page(first..<min(first + 4096, samples.count)))
    }
    print("\(backend): collected in \(rounded(seconds() - start)) s")
    start = seconds()
    let cpu = seconds(CLOCK_PROCESS_CPUTIME_ID)
    try index.write(to: path, position: IndexConformance.position)
    let used = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu
    print("\(backend): built and written in \(rounded(seconds() - start)) s, CPU \(rounded(used)) s")
  }

  /// Writes the vectors for FAISS, the queries and their nearest rows, for comparisons with other programs.
  private func export(_ samples: Samples, _ truth: [Set<Int>], to folder: String) throws {
    var first = 0
    let count = try FAISSExport.write(dimension: samples.dimension, to: folder + "/export.faiss") {
      guard first < samples.count else { return nil }
      let rows = first..<min(first + 4096, samples.count)
      first = rows.upperBound
      return samples.page(rows)
    }
    print("exported \(count) vectors")
    if let file = fopen(folder + "/queries.f32", "wb") {
      for query in samples.queries { fwrite(query, 4, query.count, file) }
      fclose(file)
    }
    if let file = fopen(folder + "/nearest.txt", "w") {
      for nearest in truth { fputs(nearest.sorted().map(String.init).joined(separator: " ") + "\n", file) }
      fclose(file)
    }
  }
}
