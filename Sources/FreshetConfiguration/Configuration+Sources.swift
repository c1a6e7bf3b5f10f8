extension Configuration {
  /// Sees to it that every file has one source: of two sources one within the other, the inner one alone lists what is in
  /// it, and the collection's folder is listed by none. Sets each source's `excludedFolders`.
  public mutating func separateSources() {
    let roots = sources.map { $0.site == nil ? ConfigurationPath.resolved($0.path) ?? $0.path : nil }
    let others = roots.compactMap(\.self) + (isPostgreSQL ? [] : [ConfigurationPath.resolved(collection) ?? collection])
    for (index, root) in roots.enumerated() {
      guard let root else { continue }
      sources[index].excludedFolders =
        others
        .filter { $0 != root && ConfigurationPath.isInside($0, root) }
        .map { ConfigurationPath.relative($0, to: root) }
        .sorted()
    }
  }
}
