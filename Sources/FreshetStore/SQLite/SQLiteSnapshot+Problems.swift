import FreshetModel

extension SQLiteSnapshot {
  func problems(checkingContents contents: Bool) throws -> [IntegrityProblem] {
    var problems: [IntegrityProblem] = []
    let structure = try connection.rows(
      composed: contents ? "PRAGMA integrity_check" : "PRAGMA quick_check",
      []
    ) { $0.text(0) }
    for line in structure where line != "ok" {
      problems.append(IntegrityProblem(code: "database_damaged", message: line))
    }
    return problems
  }
}
