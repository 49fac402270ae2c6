/// A value in Redis that only accepts a write whose fence is at least as high as that of every earlier write.
public struct FencedValue: Hashable, Sendable {
    /// What was written.
    public let bytes: [UInt8]
    /// The fence of the holder that wrote it.
    public let fencingToken: FencingToken

    /// The bytes as text; bytes that are not UTF-8 are replaced.
    public var string: String { String(decoding: bytes, as: UTF8.self) }
}

/// The answer to a fenced write.
public enum FencedWrite: Hashable, Sendable {
    case accepted
    /// A holder with a higher fence has written already: the caller's lease is over, and nothing was changed.
    case refused(highest: FencingToken)
}
