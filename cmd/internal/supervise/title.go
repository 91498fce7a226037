package supervise

import (
	"os"
	"strings"
	"unsafe"
)

// titleRoom is how many bytes of a child's title the supervisor reserves.
const titleRoom = 96

// titled returns the argument vector of a child: a title in the place of the
// program's name, the role, and blanks that a longer title may overwrite.
func titled(role, title string) []string {
	return []string{"bulkhead: " + title, role, strings.Repeat(" ", titleRoom)}
}

// IsChild reports whether a process was started with titled, given its
// arguments after the title.
func IsChild(args []string) bool {
	return len(args) == 2 && len(args[1]) == titleRoom && strings.TrimSpace(args[1]) == ""
}

// setTitle changes what ps shows for this process. Linux shows the memory
// that the kernel filled with the arguments at start, which the strings of
// os.Args still point to; the three arguments lie next to each other there.
func setTitle(title string) {
	if len(os.Args) != 3 {
		return
	}
	room := 0
	for _, arg := range os.Args {
		room += len(arg) + 1
	}
	memory := unsafe.Slice(unsafe.StringData(os.Args[0]), room)
	n := copy(memory, "bulkhead: "+title)
	clear(memory[n:])
}
