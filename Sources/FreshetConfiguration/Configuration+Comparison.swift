extension EmbedderConfiguration {
  /// Whether both make the same vectors of a text, as far as a configuration tells: what the model is, not where it is
  /// asked and how fast.
  public func makesSameVectors(as other: EmbedderConfiguration) -> Bool {
    provider == other.provider && model == other.model && dimension == other.dimension && revision == other.revision
      && precision == other.precision && queryPrefix == other.queryPrefix && documentPrefix == other.documentPrefix
  }
}

extension Configuration {
  /// The keys in which two configurations mean something else (`chunk.soft`, `sources[1].exclude`), for whoever works with
  /// one while a call means the other. What is logged is everybody's own.
  ///
  /// Empty only when they mean the same in everything.
  public func differences(from other: Configuration) -> [String] {
    let (own, others) = (listing, other.listing)
    guard own != others else { return [] }
    var keys: [String] = []
    if own.file != others.file { keys.append("the file") }
    keys += ConfigurationKeys.all.filter { !$0.isEqual(own, others) }.map(\.name)
    keys += Self.differences("sources", own.sources, others.sources, ConfigurationKeys.source)
    keys += Self.differences("webhooks", own.webhooks, others.webhooks, ConfigurationKeys.webhook)
    if keys.isEmpty { keys.append("the folders that paths lead to") }
    return keys
  }

  /// The keys in which the elements of a list differ; the list itself where their numbers or names do.
  private static func differences<Element>(
    _ list: String,
    _ own: [Element],
    _ others: [Element],
    _ keys: [ConfigurationKey<Element>]
  ) -> [String] {
    let names = keys.filter { $0.name == "name" }
    let pairs = Array(zip(own, others))
    guard own.count == others.count, pairs.allSatisfy({ pair in names.allSatisfy { $0.isEqual(pair.0, pair.1) } })
    else { return [list] }
    return pairs.enumerated().flatMap { index, pair in
      keys.filter { !$0.isEqual(pair.0, pair.1) }.map { "\(list)[\(index + 1)].\($0.name)" }
    }
  }

  /// This configuration, complete and in one spelling.
  private var listing: Configuration {
    var configuration = self
    // Which folders a source leaves to others follows from the rest.
    configuration.separateSources()
    configuration.log = LogConfiguration()
    configuration.trustRequirements = []
    configuration.collection = ConfigurationPath.resolved(collection) ?? collection
    configuration.file = file.map { ConfigurationPath.resolved($0) ?? $0 }
    configuration.folder = ConfigurationPath.resolved(folder) ?? folder
    return configuration
  }
}
