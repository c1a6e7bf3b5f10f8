import Freshet
import FreshetConfiguration
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
  private let folder: CollectionFolder
  private let service: LiveService
  private let manager: ServiceManager
  private let options: LiveOptions
  private let duties: Duties
  private let tell: @Sendable (LiveEvent) -> Void

  /// What only the program can do that the service is a part of.
  public struct Duties: Sendable {
    /// Reads the configuration anew, checked and trusted, with the variables that go with it.
    public var configuration: @Sendable () throws -> (Configuration, [String: String])
    /// Runs a call of the command that another process made, with its descriptors for results and for everything else,
    /// on the service's own collection; answers the code that it ends with.
    public var run: @Sendable (ForwardedCall, [Descriptor], CallInterruption, Collection) async throws -> Int32
    /// Ends the process: the service was asked to end, and something under way does not.
    public var overdue: @Sendable () -> Void

    /// Names the duties.
    public init(
      configuration: @escaping @Sendable () throws -> (Configuration, [String: String]),
      run: @escaping @Sendable (ForwardedCall, [Descriptor], CallInterruption, Collection) async throws -> Int32,
      overdue: @escaping @Sendable () -> Void
    ) {
      self.configuration = configuration
      self.run = run
      self.overdue = overdue
    }
  }

  /// Prepares the service of a collection that is open for writing.
  ///
  /// - Parameters:
  ///   - manager: who started the process.
  ///   - duties: what the program does for it.
  ///   - tell: hears of what happens, on any thread.
  /// - Throws: `FreshetError` for a source that cannot be watched.
  public init(
    _ collection: Collection,
    options: LiveOptions = LiveOptions(),
    manager: ServiceManager,
    duties: Duties,
    tell: @escaping @Sendable (LiveEvent) -> Void
  ) throws {
    folder = collection.folder
    self.manager = manager
    self.options = options
    self.duties = duties
    self.tell = tell
    service = LiveService(
      collection: collection,
      feed: try Self.feed(of: collection, options, tell),
      options: options,
      tell: tell
    )
  }

  private static func feed(
    of collection: Collection,
    _ options: LiveOptions,
    _ tell: @escaping @Sendable (LiveEvent) -> Void
  ) throws -> DirectoryFeed {
    DirectoryFeed(try collection.directorySources(), options: options.watch) { source, problem in
      tell(.watchProblem(source: source, problem.error))
    }
  }

  /// What it does now.
  public var status: LiveStatus { service.status }

  /// Whether it was asked to end.
  public var isStopping: Bool { service.isStopping }

  /// Why it ended by itself: the collection's folder was removed, moved away or replaced; `nil` when it did not.
  public var loss: FreshetError? { service.loss }

  /// Ends `run`.
  public func stop() { service.stop() }

  /// Serves until it is stopped, by a call, a request, or the task's cancellation; or until the collection's folder is no
  /// longer in its place, as `loss` says then.
  ///
  /// - Throws: `FreshetError` when the control socket cannot be made.
  public func run() async throws {
    let service = service
    try service.collection.announceService()
    let server = try ControlServer(
      folder: folder,
      answer: { request in
        var reply: [JSONValue.Member] = []
        switch request {
        case .status:
          let file = service.collection.configuration.file
          return service.status.json(process: getpid(), configuration: file, now: SystemWallClock().now())
        case .stop: service.stop()
        case .reload: reply.append(.init("left", .array(try await reload().map { .string($0) })))
        case .run: throw ControlRequest.unknown
        }
        return .object([.init("ok", true), .init("pid", .integer(Int64(getpid())))] + reply)
      },
      perform: { call, descriptors, interruption in
        let name = call.words.first { !$0.hasPrefix("-") } ?? "call"
        return try await service.exclusively(name, onStop: { interruption.give(isServiceEnding: true) }) { collection in
          try await duties.run(call, descriptors, interruption, collection)
        }
      }
    )
    manager.ready(readiness)
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await server.run() }
      group.addTask { await watchEnd() }
      group.addTask { await keepSocket(of: server) }
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

  private var readiness: String {
    "watching \(Quantity.text(service.collection.configuration.sources.count, of: "source"))"
  }

  /// Sees to it that the process ends within its time, whatever hangs.
  private func watchEnd() async {
    await service.endRequested()
    guard !Task.isCancelled else { return }
    try? await Task.sleep(for: options.stopDeadline)
    if !Task.isCancelled { duties.overdue() }
  }

  /// Sees to it that the service can be found, whoever removes its socket.
  private func keepSocket(of server: ControlServer) async {
    var isTold = false
    while !Task.isCancelled {
      try? await Task.sleep(for: options.placeInterval)
      do {
        // What cannot be told is looked at again.
        guard (try? await service.looking.run({ try server.isLost() })) ?? false else {
          isTold = false
          continue
        }
        // With the folder gone, the name is another service's.
        guard await service.keepsPlace() else { return }
        try await service.looking.run { try server.renew() }
        tell(.controlSocketRemoved(nil))
        isTold = false
      } catch let error as FreshetError {
        if !isTold { tell(.controlSocketRemoved(error)) }
        isTold = true
      } catch {
        // Cancelled: it ends.
      }
    }
  }

  // MARK: Reloading

  /// Reads the configuration anew and goes on with it; a faulty one changes nothing. The collection stays locked.
  ///
  /// - Returns: what cannot be changed while the service runs, and was left as it is, in sentences.
  /// - Throws: `FreshetError` for a configuration that cannot be used; that is told as an event too.
  @discardableResult
  public func reload() async throws -> [String] {
    manager.reloading()
    defer { manager.ready(readiness) }
    do {
      let left = try await service.exclusively("reload") { collection in
        let (configuration, environment) = try duties.configuration()
        let (next, left) = Self.reconcile(configuration, with: collection.configuration)
        let adopted = try collection.reconfigured(next, environment: environment)
        try adopted.checkStages()
        var options = options
        options.take(adopted.configuration)
        let isOther =
          adopted.configuration.sources != collection.configuration.sources
          || adopted.configuration.watch != collection.configuration.watch
        let feed = isOther ? try Self.feed(of: adopted, options, tell) : nil
        service.adopt(adopted, feed: feed)
        return left
      }
      await service.noteDepartedSources()
      tell(.reloaded(left: left))
      return left
    } catch {
      let cause = FreshetError.describing(error)
      tell(.reloadRefused(cause))
      throw cause
    }
  }

  /// The configuration that is taken up, and what of the new one is not.
  private static func reconcile(
    _ wanted: Configuration,
    with present: Configuration
  ) -> (Configuration, left: [String]) {
    var (next, left) = (wanted, [String]())
    if wanted.collection != present.collection {
      left.append(
        "`collection` is left at \(present.collection): a service keeps one collection; stop it to use another"
      )
      next.collection = present.collection
    }
    if !wanted.embedder.makesSameVectors(as: present.embedder) {
      left.append("the embedding model is left as it is: stop the service and start it with the other one")
      next.embedder = present.embedder
    }
    if wanted.log != present.log {
      left.append("`log` is left as it is until the service is started anew")
      next.log = present.log
    }
    return (next, left)
  }
}
