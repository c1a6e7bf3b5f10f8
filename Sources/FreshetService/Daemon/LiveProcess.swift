import Freshet
import FreshetModel
import FreshetSources
import FreshetSystem

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A live service as a process: with its watchers, its control socket, and the manager that started it.
public struct LiveProcess: Sendable {
  private let collection: Collection
  private let service: LiveService
  private let manager: ServiceManager

  /// Prepares the service of a collection that is open for writing.
  ///
  /// - Parameters:
  ///   - manager: who started the process.
  ///   - tell: hears of what happens, on any thread.
  /// - Throws: `FreshetError` for a source that cannot be watched.
  public init(
    _ collection: Collection,
    options: LiveOptions = LiveOptions(),
    manager: ServiceManager,
    tell: @escaping @Sendable (LiveEvent) -> Void
  ) throws {
    self.collection = collection
    self.manager = manager
    let feed = DirectoryFeed(try collection.directorySources(), options: options.watch) { source, problem in
      tell(.watchProblem(source: source, problem.error))
    }
    service = LiveService(collection: collection, feed: feed, options: options, tell: tell)
  }

  /// What it does now.
  public var status: LiveStatus { service.status }

  /// Ends `run`.
  public func stop() { service.stop() }

  /// Serves until it is stopped, by a call, a request, or the task's cancellation.
  ///
  /// - Throws: `FreshetError` when the control socket cannot be made.
  public func run() async throws {
    let service = service
    let server = try ControlServer(folder: collection.folder) { request in
      switch request {
      case .status: return service.status.json(process: getpid(), now: SystemWallClock().now())
      case .stop: service.stop()
      case .sync(let allowMassDelete): service.survey(allowMassDelete: allowMassDelete)
      }
      return ["ok": true, "pid": .integer(Int64(getpid()))]
    }
    manager.ready("watching \(Quantity.text(collection.configuration.sources.count, of: "source"))")
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await server.run() }
      if let interval = manager.watchdogInterval {
        group.addTask {
          while !Task.isCancelled {
            manager.alive()
            try? await Task.sleep(for: interval)
          }
        }
      }
      await service.run()
      manager.stopping()
      group.cancelAll()
    }
  }
}
