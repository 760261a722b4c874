"""Plain words for proposed passphrases: short, common, without accents, none that offends. At least 256 a language."""

_EN = """
acorn amber anchor angle apple april apron arch arrow atlas attic autumn badge bakery bamboo banana barley barn basil
basket beach beacon beaver bell bench berry bike birch biscuit blanket blossom board boat bonnet book boot bottle bowl
branch bread breeze brick bridge broom brush bucket bulb butter button cabin cable camel camera candle canoe canvas
captain carpet carrot castle cedar cellar chair chalk cheese cherry chestnut chimney circle clay cliff cloak clock
cloud clover coast cobalt coconut coffee collar comet compass copper coral cork corn cottage cotton cradle crane
crayon cricket crown crystal curtain cushion daisy dance desk dinner dolphin donkey door dragon drawer drum duck eagle
easel echo elbow engine fabric falcon farmer feather fence fern ferry fiddle field finch flag flame flannel flute
forest fork fossil fountain frost garden garlic gate giant ginger glacier glove goose granite grape grass gravel
guitar hammer hammock handle harbour harvest hazel hedge helmet heron hill hinge honey hood horse island ivory jacket
jasmine jigsaw juniper kettle keyboard kitchen kite ladder lagoon lake lamp lantern laurel lavender leaf lemon lettuce
lilac lily linen lizard lobster locket lupin magnet mango maple marble market meadow melon mill mint mirror mitten
moon morning mosaic moss mountain muffin museum mustard napkin needle nest nettle nickel notebook nutmeg oasis oats
ocean olive onion orange orchard orchid otter oven oyster paddle paint palace pancake panda paper parcel parrot
pasture pear pebble pencil pepper piano picnic pillow pilot pine planet plum pocket pond pony poppy postcard potato
puddle pumpkin puzzle quarry quartz quilt rabbit radish raft rain raisin raven ribbon river robin rocket roof rope
rose rowan saddle saffron sail salad salmon sand sandal saucer scarf school shell shelter silver sketch sleigh spade
sparrow spider spoon spring squirrel stable star stone summer sunset swan table teapot
"""

_NL = """
aardbei accent akker anker appel april arend auto avond bakker balkon banaan bank basis bever bezem bijbel bloem blok
boek boeket boer boom boot bord borstel boter brief bries bril broek brood brug buik bureau buurman cacao camera
cement cirkel citroen dans deken deur dier dijk doek dolfijn donder doos dorp draad draak druif duif duin eend eiland
eland emmer engel erwt etage ezel fabriek fakkel fiets figuur fluit forel fornuis foto framboos gang gans garage gebak
geit geluk gember geur gevel gieter gitaar glas gordijn goud graan graf gras groente groep haan haard hamer handdoek
handvat hark haven haver hazelnoot heide helm hemel herfst heuvel hoed hond honing hooi horloge hotel huis ijsbeer
jacht juweel kaars kaart kabel kade kameel kamer kanaal kapper kast kastanje kasteel kelder kerk kers ketel keuken
kikker kind kist klaver kleur klok knoop knop koek koffer koffie komkommer konijn koning koor koper koren kraan krab
krant kroon kruid kussen kwast laars ladder laken lamp lantaarn lente lepel lijster linde lint loods lucht maan maart
makreel mand markt marmer mast melk meloen merel metaal meubel molen mossel motor mozaiek muis munt museum muur muziek
naald nacht nest noot oever olifant olijf onweer oogst orgel oven paard paleis panda papier paprika parel park pasta
peer peper perzik piano pijl plank plant plein pont poort potlood praat prei pruim raam radijs regen reiger riet ring
rivier robijn rogge roos rots rugzak salade schaap schaar schelp schilder schip school schuur sjaal slak slee sleutel
sneeuw soep spade specht spiegel spijker spin stal station steen ster stoel stof storm straat strand suiker tafel
tarwe tegel telefoon tent terras thee tijger toren touw trap trein trommel tuin tulp vaas valk veer veld venster
vijver vink vlag vlinder voetbal vogel vork vuur wagen wandeling water weide wereld wiel wilg winkel winter wolf wolk
wortel zaag zadel zalm zand zebra zeep zeil zilver zomer zwaan zwaluw
"""

_FR = """
abeille abricot accord acier agneau aigle aiguille alouette amande ananas ancre animal anneau arbre argent armoire
article assiette atelier aubergine automne avion avoine avril balai balcon baleine ballon banane barque bateau biscuit
bois bonnet bosquet botte bouchon bougie boulanger bouquet bouteille bouton branche brebis brique brise brosse
brouette bruit bureau cabane cabine cacao caillou calme camion canal canard canoe carafe carotte carte castor cave
cerf cerise chaise chaleur champ chanson chant chapeau chat chaton chemin chemise cheval chocolat chouette ciel cigale
cinq cirque citron clairon clavier cloche clou coin colline colombe commode compas comptoir concert copain corail
corbeau corde coton coude couloir coupe courge coussin couteau craie crayon cuisine cuivre cygne danse dauphin demain
dessin dimanche domino dragon drap drapeau encre enfant escalier escargot espoir facteur faisan falaise farine faucon
fauteuil fenouil ferme feuille figue fleur fleuve flocon foin fontaine forge four fourmi fraise framboise fromage
fruit gant garage gare gazon girafe glace gomme gourde goutte grain grange granit gravier grenier grillon gris guitare
hamac haricot herbe herbier hibou hiver horloge huile image ivoire jade jambe jambon jardin jasmin jaune jeudi joie
jonquille jour journal juin jument jupe laine lait lampe lanterne lapin laurier lavande lettre levure lierre ligne
lilas linge lion livre loup loutre lundi lune lustre magasin maison malle manteau marbre mardi marin marmite marron
marteau matin melon menthe merle miel miroir montagne montre moulin mousse mouton muguet musique myrtille navet navire
neige noix nuage oiseau olive ombre oncle orage orange orchestre orgue ours pain palais panier papier papillon parc
paroi peigne pelle pendule perle persil phare photo piano pierre pigeon pinceau plage plaine planche plume poire
poisson poivre pomme pont porte potage poule prairie printemps prune puits radis raisin ravin renard rideau rivage
robe robinet roman ronde rose roseau route ruban ruche sable salade salon sapin saumon savon selle semaine sentier
serre sirop soleil souris sucre tabouret tapis tasse terrain theme thym tigre tiroir tomate tortue tour train
trompette tulipe usine vague valise vallon vanille velours vendredi verger vigne village violon voile voisin voyage
wagon
"""

_DE = """
abend acker adler ahorn ameise ampel amsel anker apfel aprikose april arbeit armband aster atlas auge auster bach
backofen balkon ball banane bank bauer baum becher beere beet berg besen besteck biber biene bild birke birne blatt
blech blume bogen bohne boot brett brief brille brot bruder brunnen buch buche bucht burg butter dach dachs dampf
decke deich delfin diele distel dohle donner dorf drache draht duft ecke efeu eiche eimer eisen elster engel ente
erbse erde ernte esche esel eule fackel faden falke farbe farn feder feige feld fels fenster ferien feuer fichte figur
finger fink fisch flasche fliege floh flosse flug flur fluss forelle forst foto frosch fuchs funke gabel gans garten
gasse gebirge geige gemse gerste gesang gipfel giraffe gitarre glas glocke gold gras grille gurke hafen hafer hagel
hahn hammer hamster hase hasel hecke heft heide helm hemd herbst herd hering hirsch hobel hocker honig horn hose hotel
huhn hund igel imker insel jacke januar jubel juli juni kabel kachel kaffee kakao kalender kamel kamera kamin kamm
kanal kanne kante kapitel karte kastanje kasten katze keks keller kerze kessel kiefer kiesel kino kirsche kissen kiste
klang klavier klee kleid klinke knopf koch koffer kohl komet kompass konzert kopf korb korn kranich kranz kraut kreide
kreis krone krug kuchen kugel kunst kupfer kutsche lachs laden lampe lappen laterne laub lavendel lehm leiter lerche
licht lilie linde linse luchs luft magnet maler mandel mantel marder markt marmor mauer maus meise melone miete milch
minze mittag mohn mond moos morgen mosaik motor muschel museum musik nacht nadel nagel nebel nelke nest nudel ofen
olive onkel orange orgel ozean palme papier paprika park pfad pfanne pfeffer pferd pflaume pilz pinguin pinsel planet
platz quelle rabe radio rahmen rakete rasen regen reiher reis reise ring ritter robbe roggen rose rucksack ruder saft
sahne salat salbei salz samen samt sand sattel schaf schale schatten schaum schere schiff schilf schirm schnee schrank
schule schwan seide seife seil sessel silber socke sofa sommer sonne spaten specht spiegel stall stamm stein stern
stiefel stoff strand stroh stuhl sturm suppe tafel tanne tasche tasse taube teich teller teppich tiger tinte tisch
tomate topf traube treppe trommel tulpe turm ufer vase vogel wagen wald walnuss wand wasser weide weizen welle wiese
wind winter wolke wolle wurzel zange zaun zebra zelt ziege zimmer zimt zirkus zitrone zucker zweig zwiebel
"""

WORDS: dict[str, tuple[str, ...]] = {
    "en": tuple(_EN.split()),
    "nl": tuple(_NL.split()),
    "fr": tuple(_FR.split()),
    "de": tuple(_DE.split()),
}
