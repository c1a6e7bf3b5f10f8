import FreshetModel
import FreshetSources

extension Collection {
  /// The sources that are folders, as they can be watched.
  ///
  /// - Throws: `FreshetError` when the configuration is not valid.
  public func directorySources() throws -> [DirectorySource] {
    try factory.sources().compactMap { $0 as? DirectorySource }
  }
}
