/// A value in Redis that only accepts writes whose fence is not lower than that of any write before.
public struct FencedValue: Hashable, Sendable {
    /// What was written.
    public let bytes: [UInt8]
    /// The fence of the holder that wrote it.
    public let fencingToken: FencingToken

    /// The bytes as text; what is not UTF-8 in them is replaced.
    public var string: String { String(decoding: bytes, as: UTF8.self) }
}

/// The answer to a fenced write.
@nonexhaustive
public enum FencedWrite: Hashable, Sendable {
    case accepted
    /// A holder with a higher fence has written before: the caller's lease is over, and nothing was changed.
    case refused(highest: FencingToken)
}
