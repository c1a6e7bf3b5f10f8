extension EmbedderConfiguration {
  /// Whether both make the same vectors of a text, as far as a configuration tells: what the model is, not where it is
  /// asked and how fast.
  public func makesSameVectors(as other: EmbedderConfiguration) -> Bool {
    provider == other.provider && model == other.model && dimension == other.dimension && revision == other.revision
      && precision == other.precision && queryPrefix == other.queryPrefix && documentPrefix == other.documentPrefix
  }
}

extension Configuration {
  /// The keys in which two configurations mean something else, for whoever works with one while a call means the other.
  /// What is logged is everybody's own.
  public func differences(from other: Configuration) -> [String] {
    // Which folders a source leaves to others follows from the rest.
    let (own, others) = (listing, other.listing)
    var keys: [String] = []
    if own.file != others.file { keys.append("the file") }
    if own.collection != others.collection { keys.append("collection") }
    if own.sources != others.sources { keys.append("sources") }
    if own.embedder != others.embedder { keys.append("embedder") }
    if own.chunk != others.chunk { keys.append("chunk") }
    if own.index != others.index { keys.append("index") }
    if own.checkpointDocuments != others.checkpointDocuments { keys.append("checkpoint") }
    if own.sync != others.sync { keys.append("sync") }
    if own.history != others.history { keys.append("history") }
    if own.events != others.events { keys.append("events") }
    if own.webhooks != others.webhooks { keys.append("webhooks") }
    if own.mail != others.mail { keys.append("mail") }
    if own.json != others.json { keys.append("json") }
    if own.parsers != others.parsers { keys.append("parsers") }
    if keys.isEmpty, own != others { keys.append("other keys") }
    return keys
  }

  /// This configuration, complete and in one spelling.
  private var listing: Configuration {
    var configuration = self
    configuration.separateSources()
    configuration.log = LogConfiguration()
    configuration.trustRequirements = []
    configuration.collection = ConfigurationPath.resolved(collection) ?? collection
    configuration.file = file.map { ConfigurationPath.resolved($0) ?? $0 }
    configuration.folder = ConfigurationPath.resolved(folder) ?? folder
    return configuration
  }
}
