/// An id that is done once.
struct OnceLease: LeaseKind {
    let key: String
    /// All ids of the scope share it.
    let fenceKey: String
    var waitersKey: String? { nil }
    var endsByItself: Bool { true }
}
