package import Holdfast

/// What is known about one id of `once`. As JSON these are documented, stable field names; unknown values are
/// absent.
package struct OnceSnapshot: Encodable, Hashable, Sendable {
    package var scope: String
    package var id: String
    /// free, inProgress or done.
    package var state: String
    /// JSON, as the work returned it; absent if it could not be recorded.
    package var result: String?
    /// Until the result is forgotten, or the claim ends.
    package var forMilliseconds: Int64?
    package var fence: Int64?
    package var instance: String?
    package var host: String?
    package var pid: Int32?

    /// - Parameter instances: The registered instances, for the host and the pid of a claim.
    package init(scope: String, id: String, _ state: OnceStatus, instances: [Instance]) {
        self.scope = scope
        self.id = id
        switch state {
        case .free: self.state = "free"
        case .done(let result, let remembered):
            self.state = "done"
            self.result = result.isEmpty ? nil : result
            forMilliseconds = remembered?.inMilliseconds
        case .inProgress(let holder):
            self.state = "inProgress"
            forMilliseconds = holder.remaining?.inMilliseconds
            fence = holder.fencingToken?.rawValue
            instance = holder.instanceID
            let registered = instances.first { $0.id == holder.instanceID }
            host = registered?.host
            pid = registered?.pid
        }
    }
}
