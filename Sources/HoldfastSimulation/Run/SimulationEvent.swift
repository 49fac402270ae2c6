/// What a run reports while it is in progress.
package enum SimulationEvent: Sendable {
    package enum Stage: String, Sendable {
        case startingServer = "starting redis-server"
        case connecting = "connecting to the given server"
        case startingInstances = "starting the instances"
        case working
        case draining
        case stopping = "stopping the instances"
        case checking
    }

    case stage(Stage)
    /// A fault struck, or ended; a sentence.
    case fault(String)
    /// Something has to be done by hand; a sentence.
    case warning(String)
    case progress(SimulationProgress)
}

/// How far a run has got.
package struct SimulationProgress: Hashable, Sendable {
    package var done: Int
    package var total: Int
    package var up: Int
    package var paused: Int
    package var faultsPending: Int
}
