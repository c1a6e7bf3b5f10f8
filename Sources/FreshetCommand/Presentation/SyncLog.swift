import Freshet
import FreshetCommandLine
import FreshetConfiguration
import FreshetModel
import FreshetSync

/// What a sync logs: its start and end as information, what went wrong as warnings.
struct SyncLog: Sendable {
  private let logger: Logger
  private let diagnostics: DiagnosticWriter
  private let hasFile: Bool

  /// - Parameter hasFile: whether lines go to a file; then warnings are said on stderr too.
  init(_ logger: Logger, _ diagnostics: DiagnosticWriter, hasFile: Bool) {
    self.logger = logger
    self.diagnostics = diagnostics
    self.hasFile = hasFile
  }

  func started(_ collection: Collection) {
    logger.info(
      "The sync has started.",
      [
        .init("collection", .string(collection.folder.path)),
        .init("sources", .integer(Int64(collection.configuration.sources.count))),
      ]
    )
  }

  func ended(_ report: SyncReport) {
    logger.info(
      report.interrupted ? "The sync was interrupted." : "The sync has ended.",
      [
        .init("run", .string(report.run.description)), .init("sequence", .integer(report.sequence)),
        .init("failed", .integer(Int64(report.documents.failed))),
        .init("embedded", .integer(Int64(report.chunks.embedded))), .init("seconds", .number(report.seconds.total)),
      ]
    )
  }

  func failed(_ failure: FailureRecord) {
    warning("\(failure.origin): \(failure.error.message)", [.init("code", .string(failure.error.code.rawValue))])
  }

  func warning(_ message: String, _ fields: [JSONValue.Member] = []) {
    if hasFile { diagnostics.warning(message.displayable) }
    logger.warning(message, fields)
  }
}
