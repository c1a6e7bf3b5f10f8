/// Limits of the helper processes.
public struct HelperOptions: Sendable, Hashable {
  /// The program; `nil` looks for it beside the running program.
  public var executable: String?
  /// How many helpers run at most, one document at a time each.
  public var count: Int
  /// Wall-clock time that one document may take.
  public var deadline: Duration
  /// Bytes of data that a helper may allocate.
  public var memoryBytes: Int
  /// Resident bytes above which a helper is replaced after its document.
  public var recycleBytes: Int
  /// Documents after which a helper is replaced.
  public var recycleDocuments: Int

  /// The defaults: one helper, 60 s a document, 1 GiB of data.
  public init(
    executable: String? = nil,
    count: Int = 1,
    deadline: Duration = .seconds(60),
    memoryBytes: Int = 1 << 30,
    recycleBytes: Int = 256 << 20,
    recycleDocuments: Int = 10_000
  ) {
    self.executable = executable
    self.count = max(1, count)
    self.deadline = deadline
    self.memoryBytes = memoryBytes
    self.recycleBytes = recycleBytes
    self.recycleDocuments = recycleDocuments
  }

  /// Bytes that a reply may have for a document of the given size.
  public static func replyLimit(documentBytes: Int) -> Int { (64 << 20) + 4 * documentBytes }
}
