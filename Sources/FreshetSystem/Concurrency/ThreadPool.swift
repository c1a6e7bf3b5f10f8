import CSystem

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Threads of our own for calls that block: Swift's cooperative pool has one thread a core, and two blocked ones stop
/// everything else.
///
/// Jobs start in the order in which they came. As a task executor it runs async bodies that block between their
/// suspensions. The threads end when the pool is released.
public final class ThreadPool: TaskExecutor, Sendable {
  private let queue: Queue

  /// Starts the threads; their names show in debuggers and profilers.
  public init(name: String, threads: Int) {
    queue = Queue()
    for _ in 0..<max(1, threads) { Self.start(name: name, queue: queue) }
  }

  deinit {
    queue.close()
  }

  public func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    let executor = asUnownedTaskExecutor()
    queue.append { job.runSynchronously(on: executor) }
  }

  /// Runs a blocking body on one of the threads and answers what it does.
  ///
  /// A body that started runs to its end; cancellation before that throws `CancellationError`.
  public func run<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
    try Task.checkCancellation()
    return try await withCheckedThrowingContinuation { continuation in
      queue.append { continuation.resume(with: Swift.Result(catching: body)) }
    }
  }

  private static func start(name: String, queue: Queue) {
    let box = Unmanaged.passRetained(ThreadStart(name: name, queue: queue))
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    // Deep recursion in C libraries (XML trees) needs more than a small default.
    pthread_attr_setstacksize(&attributes, 8 << 20)
    var thread = pthread_t()
    let status = pthread_create(
      &thread,
      &attributes,
      { argument in
        guard let argument else { return nil }
        let start = Unmanaged<ThreadStart>.fromOpaque(argument).takeRetainedValue()
        freshet_set_thread_name(start.name)
        while let job = start.queue.next() { job() }
        return nil
      },
      box.toOpaque()
    )
    pthread_attr_destroy(&attributes)
    if status != 0 { box.release() }
  }
}

private final class ThreadStart: Sendable {
  let name: String
  let queue: Queue

  init(name: String, queue: Queue) {
    self.name = name
    self.queue = queue
  }
}

/// The jobs of a pool.
///
/// `@unchecked Sendable`: every access of `jobs`, `first` and `isClosed` holds `mutex`; the mutex and the condition
/// are allocated once and freed in `deinit`, when no thread refers to the queue any more.
private final class Queue: @unchecked Sendable {
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private var jobs: [@Sendable () -> Void] = []
  private var first = 0
  private var isClosed = false

  init() {
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(condition, nil)
  }

  deinit {
    pthread_cond_destroy(condition)
    pthread_mutex_destroy(mutex)
    condition.deallocate()
    mutex.deallocate()
  }

  func append(_ job: @escaping @Sendable () -> Void) {
    pthread_mutex_lock(mutex)
    jobs.append(job)
    pthread_cond_signal(condition)
    pthread_mutex_unlock(mutex)
  }

  func close() {
    pthread_mutex_lock(mutex)
    isClosed = true
    pthread_cond_broadcast(condition)
    pthread_mutex_unlock(mutex)
  }

  /// The next job, waiting for one; `nil` once the pool is closed and nothing is left.
  func next() -> (@Sendable () -> Void)? {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    while first == jobs.count {
      if isClosed { return nil }
      pthread_cond_wait(condition, mutex)
    }
    let job = jobs[first]
    first += 1
    if first == jobs.count || first > 1024 {
      jobs.removeFirst(first)
      first = 0
    }
    return job
  }
}
