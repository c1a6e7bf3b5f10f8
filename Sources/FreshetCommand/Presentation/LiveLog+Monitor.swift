import FreshetCommandLine
import FreshetModel
import FreshetService
import FreshetSync

extension LiveLog {
  /// The periodic report: what was done since the last one.
  func reported(_ report: LiveReport) {
    let (documents, chunks) = (report.work.documents, report.work.chunks)
    logger.info(
      "In the last \(Quantity.text(report.period)): \(Quantity.text(documents.changed, of: "change")), "
        + "\(Quantity.text(documents.failed, of: "failed attempt")).",
      [
        .init("created", .integer(Int64(documents.created))), .init("modified", .integer(Int64(documents.modified))),
        .init("renamed", .integer(Int64(documents.renamed))), .init("deleted", .integer(Int64(documents.deleted))),
        .init("failed", .integer(Int64(documents.failed))), .init("chunks", .integer(Int64(chunks.added))),
        .init("embedded", .integer(Int64(chunks.embedded))),
        .init("saved", .integer(Int64(chunks.kept + chunks.moved + chunks.reused))),
        .init("bytes", .integer(Int64(report.work.bytesRead))), .init("queue", .integer(Int64(report.status.queued))),
        .init("seconds", .thousandths(report.work.seconds.total)),
        .init("memory", .integer(report.status.residentBytes)),
      ]
    )
  }

  /// An alert, or its end.
  func raised(_ alert: LiveAlert) {
    let fields: [JSONValue.Member] = [
      .init("alert", .string(alert.cause.rawValue)), .init("failures", .integer(Int64(alert.failures))),
      .init("documents", .integer(Int64(alert.documents))),
    ]
    if alert.isOver {
      logger.warning("Over: \(alert.sentence).", fields)
    } else {
      logger.error("Alert: \(alert.sentence); the last one was \(alert.last): \(alert.error.message)", fields)
    }
  }

  /// The memory came above one of its bounds, or below.
  func measured(_ memory: LiveMemory) {
    let resident = Quantity.text(bytes: memory.residentBytes)
    let fields: [JSONValue.Member] = [.init("memory", .integer(memory.residentBytes))]
    switch memory.level {
    case .normal: logger.info("The memory is in its bounds again: \(resident).", fields)
    case .warned:
      logger.warning("\(resident) of memory are in use, above memory.warn.", fields)
    case .limited:
      logger.warning(
        "\(resident) of memory are in use, above memory.limit: one document at a time until it is less.",
        fields
      )
    }
  }
}
