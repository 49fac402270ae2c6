/// The answer to one attempt to acquire.
public enum Acquisition: Sendable {
    /// It was free, and is held by this lease now.
    case acquired(Lease)
    /// Somebody else holds it.
    case refused(Holder)

    /// The lease, or nil when the name is held by somebody else.
    public var lease: Lease? {
        guard case .acquired(let lease) = self else { return nil }
        return lease
    }
}
