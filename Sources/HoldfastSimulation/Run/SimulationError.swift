/// Why a simulation could not be run at all, or to its end; it says nothing about any promise.
package struct SimulationError: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Code: Hashable, Sendable {
        /// The request makes no sense, for example restarts of a server that the simulation did not start.
        case invalidRequest
        /// There is no redis-server to start, or it does not start.
        case serverMissing
        /// The instances do not come up.
        case instancesFailed
        /// redis-server stopped working, other than by a fault of the plan.
        case serverFailed
        /// The records of the run can't be kept, or a process can't be started.
        case machineFailed
    }

    package var code: Code
    private let reason: String

    package init(_ code: Code, _ reason: String) {
        self.code = code
        self.reason = reason
    }

    package var description: String {
        switch code {
        case .invalidRequest, .serverMissing: reason
        case .instancesFailed, .serverFailed, .machineFailed:
            "the run could not continue, and no promise was checked: \(reason)"
        }
    }
}
