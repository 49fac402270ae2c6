/// The answer to one attempt to acquire.
public enum Acquisition: Sendable {
    /// The name was free and is now held by this lease.
    case acquired(Lease)
    /// Somebody else holds the name.
    case refused(Holder)

    /// The lease, or nil when the name is held by somebody else.
    public var lease: Lease? {
        guard case .acquired(let lease) = self else { return nil }
        return lease
    }
}
