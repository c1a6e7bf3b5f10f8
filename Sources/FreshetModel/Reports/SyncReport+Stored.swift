/// A run's row is kept for ever, and most of its report is zeros: what is as in an empty report is left out of the stored
/// one, and filled in again when it is read.
extension SyncReport {
  /// The summary line as it is stored: without the members that an empty report of the same run has as well.
  public var stored: JSONValue {
    settled.json.without(SyncReport(run: run, sequence: sequence).json) ?? .object([])
  }
}

extension SyncReport {
  /// Without counts below zero, as a part of a run has them that was to see again what another had done, and ended before.
  public var settled: SyncReport {
    var report = self
    report.documents.unchanged = max(0, documents.unchanged)
    return report
  }
}

extension RunRecord {
  /// The run with the whole summary line of `sync --json` as its report: what is left out when a report is stored is there
  /// as zero, empty or `false`. One that was stored whole stays as it is.
  public var withWholeReport: RunRecord {
    guard let report, case .object = report else { return self }
    var whole = self
    whole.report = report.filled(from: SyncReport(run: id, sequence: lastSequence ?? firstSequence).json)
    return whole
  }
}

extension JSONValue {
  /// The value without the members that another has just so, objects within objects alike; `nil` when nothing is left.
  fileprivate func without(_ other: JSONValue?) -> JSONValue? {
    guard self != other else { return nil }
    guard case .object(let members) = self, case .object? = other else { return self }
    let rest = members.compactMap { member in
      member.value.without(other?[member.name]).map { Member(member.name, $0) }
    }
    return .object(rest)
  }

  /// The value with what it lacks of another, in the other's order; members of its own follow.
  fileprivate func filled(from other: JSONValue) -> JSONValue {
    guard case .object(let members) = self, case .object(let others) = other else { return self }
    let filled = others.map { member in
      Member(member.name, self[member.name]?.filled(from: member.value) ?? member.value)
    }
    return .object(filled + members.filter { other[$0.name] == nil })
  }
}
