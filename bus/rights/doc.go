// Package rights is how it is said who may call, offer, publish and hear what
// on a bus. A broker holds every link against its Table; which roles there are,
// and what they may do, is for the program to say.
package rights
