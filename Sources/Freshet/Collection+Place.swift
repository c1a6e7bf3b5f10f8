import FreshetModel
import FreshetSystem

extension Collection {
  /// Passes while others that open the collection's path come to what is open here, and its lock keeps other writers out.
  ///
  /// A folder that was removed, moved away or unmounted stays open, and what is written then is lost or lands where nobody
  /// looks for it. What cannot be told for now, as with a disk that fails, passes. Blocks for two looks at the file system.
  /// - Throws: `FreshetError` when the folder at the path is not the one that was opened, with `no_collection` when there is
  ///   none, else `input_output`; the sentence says what to do.
  public func requirePlace() throws {
    guard let problem = parts.displacement(of: folder) else { return }
    switch problem {
    case .gone:
      throw FreshetError(
        .noCollection,
        "the collection's folder was removed, moved away or unmounted while it was open, so nothing more is taken up into it; "
          + "put it back, or have `freshet start` make a new one",
        path: folder.path
      )
    case .replaced:
      throw FreshetError(
        .inputOutput,
        "the collection's folder was replaced, or its lock removed, while it was open, so nothing more is taken up into what "
          + "was open; `freshet start` goes on with what lies here now",
        path: folder.path
      )
    }
  }

  /// Says in the lock that its owner is a service, which ends at SIGTERM and reads its configuration anew at SIGHUP; for
  /// those who cannot ask it. Nothing for a collection that is not open for writing.
  ///
  /// - Throws: `FreshetError`.
  public func announceService() throws { try parts.announce(CollectionFolder.serviceNote) }
}
