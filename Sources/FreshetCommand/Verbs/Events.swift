import Freshet
import FreshetCommandLine
import FreshetConfiguration
import FreshetModel
import FreshetSystem

extension Verb {
  /// `freshet events`.
  static let events = Verb(
    "events",
    overview: "Show what changed, one event a line; go on with what comes.",
    discussion: """
      Without --after everything that the log has; with --follow alone, only what comes. With --consumer the collection \
      keeps the position: what was written out is not shown again, and what was not, whatever happened, is. Ctrl-C is how \
      --follow ends: the exit code is 0 then.
      """,
    options: [
      .value("after", "sequence", .integer(0...Int.max), "Only changes after this one."),
      .flag("follow", short: "f", "Wait for what comes, until Ctrl-C."),
      .value("limit", "n", .integer(1...Int.max), "End after so many."),
      .value("consumer", "name", .text, "Go on where this consumer is, and keep its position."),
      .value("source", "name", .text, isRepeated: true, "Only this source."),
      .value(
        "change",
        "kind",
        .choice(ChangeKind.allCases.map(\.rawValue)),
        isRepeated: true,
        "Only changes of this kind."
      ),
      .value("pattern", "shell pattern", .text, isRepeated: true, "Only documents whose origin fits: 'guide/*'."),
    ],
    verbs: [eventConsumers, eventsDeliver],
    run: { try await EventsVerb(session: Session($0), invocation: $0).run() }
  )

  /// `freshet events consumers`.
  static let eventConsumers = Verb(
    "consumers",
    overview: "List who follows the collection, and how far they are.",
    discussion: "A webhook is `webhook:` and its name; the mail is `mail:server`.",
    verbs: [consumersReset, consumersRemove],
    run: { invocation in
      let session = Session(invocation)
      return try await session.reading { collection in
        let consumers = try await collection.consumers()
        if session.writesJSON {
          for consumer in consumers { try session.output.json(consumer.json) }
          return .success
        }
        var table = TextTable([
          .flexible("CONSUMER"), .left("STATE"), .right("SEQUENCE"), .right("PENDING"), .right("FAILURES"),
          .flexible("NOTE"),
        ])
        for consumer in consumers {
          table.add([
            consumer.record.name, consumer.stateText, "\(consumer.record.position.sequence)", "\(consumer.pending)",
            "\(consumer.record.failures)", (consumer.lapse?.sentence ?? consumer.record.lastError ?? "").displayable,
          ])
        }
        if !consumers.isEmpty {
          try session.output.write(table.text(session))
        } else if !session.isQuiet {
          session.diagnostics.line("Nobody follows the collection.")
        }
        return .success
      }
    }
  )

  /// `freshet events consumers reset`.
  static let consumersReset = Verb(
    "reset",
    overview: "Put a consumer somewhere else in the log, and forget its failures.",
    arguments: [Argument("name", .text, "The consumer.")],
    options: [
      .value(
        "to",
        "place",
        .text,
        default: "head",
        "head: what comes. present: a listing of all documents, then what comes. A sequence: what is after it."
      )
    ],
    run: { invocation in
      let session = Session(invocation)
      let name = invocation.argument("name") ?? ""
      let start: Collection.ConsumerStart
      switch invocation.value("to") ?? "head" {
      case "head": start = .head
      case "present": start = .present
      case let text:
        guard let sequence = SequenceNumber(text), sequence >= 0 else {
          throw UsageError("'--to' must be head, present or a sequence", path: invocation.path)
        }
        start = .sequence(sequence)
      }
      return try await session.reading { collection in
        let record = try await collection.resetConsumer(name, to: start)
        if session.writesJSON {
          try session.output.json(["consumer": .string(name), "sequence": .integer(record.position.sequence)])
        } else if !session.isQuiet {
          session.diagnostics.line("\(name) goes on after change \(record.position.sequence).".displayable)
        }
        return .success
      }
    }
  )

  /// `freshet events consumers remove`.
  static let consumersRemove = Verb(
    "remove",
    overview: "Forget a consumer and its position.",
    discussion: "One that a configuration names is made anew by the next sync, at the log's end.",
    arguments: [Argument("name", .text, "The consumer.")],
    run: { invocation in
      let session = Session(invocation)
      let name = invocation.argument("name") ?? ""
      return try await session.reading { collection in
        guard try await collection.removeConsumer(name) else {
          throw FreshetError(
            .notFound,
            "there is no consumer of this name; `freshet events consumers` lists them",
            path: name
          )
        }
        if session.writesJSON {
          try session.output.json(["removed": .string(name)])
        } else if !session.isQuiet {
          session.diagnostics.line("\(name) removed.".displayable)
        }
        return .success
      }
    }
  )

  /// `freshet events deliver`.
  static let eventsDeliver = Verb(
    "deliver",
    overview: "Hand webhooks and mail what they do not have yet.",
    discussion: """
      A sync does it too, within `events.deliver_within`. Receivers that failed before are tried at once. Ends with 1 when \
      something is left.
      """,
    options: [
      .flag("follow", short: "f", "Go on with what comes, until Ctrl-C."),
      .value("within", "duration", .duration, "End after so long; what is left stays for the next run."),
    ],
    run: { try await DeliverVerb(session: Session($0), invocation: $0).run() }
  )
}

/// Writes events as they come, and keeps a consumer's position behind what was written.
struct EventsVerb: Sendable {
  let session: Session
  let invocation: Invocation

  /// Events of one page of a consumer; small, so that little comes again after a broken pipe.
  private static let pageSize = 100

  func run() async throws -> ExitCode {
    guard invocation.value("consumer") == nil || invocation.value("after") == nil else {
      throw UsageError(
        "'--after' and '--consumer' exclude each other: a consumer knows its place",
        path: invocation.path
      )
    }
    if let pattern = invocation.values("pattern").first(where: { !ShellPattern.isComplete($0) }) {
      throw UsageError("the set of '\(pattern)' does not end; for the mark itself write '\\['", path: invocation.path)
    }
    return try await session.reading { collection in
      try await session.requireSources(invocation.values("source"), in: collection)
      let signals = try session.interruptions()
      let work = Task { try await write(collection) }
      let interruption = Task {
        for await _ in signals {
          work.cancel()
          break
        }
      }
      defer { interruption.cancel() }
      do {
        try await work.value
      } catch is CancellationError {}
      try session.output.flush()
      return .success
    }
  }

  private var filter: EventFilter {
    EventFilter(
      sources: Set(invocation.values("source")),
      changes: Set(invocation.values("change").compactMap { ChangeKind(rawValue: $0) }),
      patterns: invocation.values("pattern")
    )
  }

  private func write(_ collection: Collection) async throws {
    let isFollowing = invocation.flag("follow")
    let limit = invocation.integer("limit") ?? .max
    if let name = invocation.value("consumer") {
      return try await write(collection, consumer: name, limit, isFollowing)
    }
    var after = invocation.integer("after").map { SequenceNumber($0) }
    if after == nil, isFollowing { after = try await collection.status().head.sequence }
    var count = 0
    for try await event in collection.events(after: after, matching: filter, following: isFollowing) {
      try line(event)
      if isFollowing { try session.output.flush() }
      count += 1
      if count >= limit { return }
    }
  }

  private func write(_ collection: Collection, consumer name: String, _ limit: Int, _ isFollowing: Bool) async throws {
    let consumer = try await collection.consumer(name)
    var left = limit
    while left > 0 {
      let size = min(left, Self.pageSize)
      // With a limit each page is read anew, since it may be smaller than a batch.
      let batches = consumer.batches(
        matching: filter,
        limits: EventBatchLimits(events: size),
        following: isFollowing
      )
      var isEnded = true
      for try await batch in batches {
        for event in batch.events { try line(event) }
        try session.output.flush()
        try await consumer.acknowledge(batch)
        left -= batch.events.count
        isEnded = false
        break
      }
      if isEnded { return }
    }
  }

  private func line(_ event: CollectionEvent) throws {
    if session.writesJSON {
      try session.output.json(event.json)
    } else {
      try session.output.line(event.line)
    }
  }
}

/// Hands events over until everything is, or the time is up.
struct DeliverVerb: Sendable {
  let session: Session
  let invocation: Invocation

  func run() async throws -> ExitCode {
    let isFollowing = invocation.flag("follow")
    return try await session.reading { collection in
      guard collection.hasEventChannels else {
        throw FreshetError(
          .invalidConfiguration,
          "no webhook and no mail is configured; docs/events.md shows how",
          path: collection.configuration.file
        )
      }
      let signals = try session.interruptions()
      let work = Task {
        try await collection.deliverEvents(
          following: isFollowing,
          within: invocation.duration("within"),
          ignoringPauses: true
        ) { delivery in
          if isFollowing { try? tell(delivery) }
        }
      }
      let interruption = Task {
        for await _ in signals {
          work.cancel()
          break
        }
      }
      defer { interruption.cancel() }
      let deliveries = try await work.value
      for delivery in deliveries { try tell(delivery) }
      if isFollowing, !deliveries.contains(where: { $0.state == .elsewhere }) { return .success }
      return deliveries.allSatisfy { $0.state == .delivered } ? .success : .failure
    }
  }

  private func tell(_ delivery: ChannelDelivery) throws {
    if session.writesJSON {
      try session.output.json(delivery.json)
      try session.output.flush()
    } else if delivery.state != .delivered {
      session.diagnostics.warning(delivery.sentence)
    } else if !session.isQuiet {
      try session.output.line(delivery.sentence)
      try session.output.flush()
    }
  }
}
