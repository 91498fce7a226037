package presence

// Lose makes a Watch believe that events are missing.
func Lose(w *Watch) { w.lost = true }
