/// The answer to one attempt to acquire.
public enum Acquisition: Sendable {
    case acquired(Lease)
    case refused(Holder)

    /// The lease, or nil when the name is held by somebody else.
    public var lease: Lease? {
        guard case .acquired(let lease) = self else { return nil }
        return lease
    }
}
