/// Nobody reads the output any more (`freshet list | head`): the command ends quietly.
public struct OutputClosed: Error {
  /// Makes the error.
  public init() {}
}
