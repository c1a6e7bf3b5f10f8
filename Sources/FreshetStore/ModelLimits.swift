/// What every store requires of a model.
enum ModelLimits {
  /// The most components that a model's vectors may have.
  static let dimensionMax = 65_535
}
