bench ; loads for the comparison with GT.M: each label writes one number, operations a second
 quit
set(n,mode,first) ; mode: ordered, random, bulk (hardened transactions of 1000)
 new i,j,t0,v set v=$translate($justify("",50)," ","A"),first=$get(first,0)
 set t0=$zut
 if mode="ordered" for i=1:1:n set ^acct("global","c",first+i)=v
 if mode="random" for i=1:1:n set ^acct("global","c",first+(i*7919#1000003))=v
 if mode="bulk" for i=1:1000:n tstart ():serial  do  tcommit
 . for j=i:1:i+999 set ^acct("global","c",first+j)=v
 write n*1000000\($zut-t0),!
 set ^mark(first)=$zut
 quit
get(n) new i,t0,x set t0=$zut for i=1:1:n set x=$get(^acct("global","c",i*7919#n))
 write n*1000000\($zut-t0),!
 quit
scan new c,k,t0,x set c=0,k="",t0=$zut for  set k=$order(^acct("global","c",k)) quit:k=""  set c=c+1,x=^(k)
 write c*1000000\($zut-t0),!
 quit
wait(first) ; ms from the end of a load until its mark is seen here
 for  quit:$data(^mark(first))  hang 0.002
 write $zut-^mark(first)\1000,!
 quit
