/// A key of the configuration: everything that parsing, overriding and documenting it need.
struct ConfigurationKey<Root>: Sendable {
  /// The name with its section: `embedder.provider`.
  var name: String
  /// One or two sentences of the reference.
  var summary: String
  /// What values are allowed, in words.
  var typeTitle: String
  /// The default, as the reference shows it.
  var defaultText: String
  /// Whether an environment variable or option can carry it.
  var isOverridable: Bool
  /// Whether an override's commas separate elements.
  var isList: Bool
  /// Stores the value, or throws a `ValueProblem`.
  var apply: @Sendable (inout Root, YAMLNode) throws -> Void
  /// Whether two have the same value.
  var isEqual: @Sendable (Root, Root) -> Bool

  /// Ties a name to a property.
  init<Value: Equatable>(
    _ name: String,
    _ property: any WritableKeyPath<Root, Value> & Sendable,
    _ type: ValueType<Value>,
    default root: Root,
    _ summary: String
  ) {
    self.name = name
    self.summary = summary
    typeTitle = type.title
    defaultText = type.write(root[keyPath: property])
    isOverridable = type.isOverridable
    isList = type.isList
    apply = { root, node in root[keyPath: property] = try type.read(node) }
    isEqual = { $0[keyPath: property] == $1[keyPath: property] }
  }

  /// A key of a part, as the key of the whole that has the part as a section.
  init<Part>(_ section: String, _ part: any WritableKeyPath<Root, Part> & Sendable, _ key: ConfigurationKey<Part>) {
    name = section + "." + key.name
    summary = key.summary
    typeTitle = key.typeTitle
    defaultText = key.defaultText
    isOverridable = key.isOverridable
    isList = key.isList
    apply = { root, node in try key.apply(&root[keyPath: part], node) }
    isEqual = { key.isEqual($0[keyPath: part], $1[keyPath: part]) }
  }

  /// The part before the dot; empty for a key at the top.
  var section: String {
    name.contains(".") ? String(name.prefix { $0 != "." }) : ""
  }

  /// The part after the dot.
  var leaf: String {
    section.isEmpty ? name : String(name.dropFirst(section.count + 1))
  }

  /// The environment variable that overrides it.
  var variable: String { "FRESHET_" + name.uppercased().map { $0 == "." ? "_" : String($0) }.joined() }
}
